"""The `what_if` question: what an account would look like after given orders and price moves (node.core.margin.what_if)."""

from typing import Any

from node.client.amounts import AmountError, to_units
from node.client.suppositions import MOVE_PPM_MAX, MOVE_PPM_MIN, SUPPOSED_MAX, read_move, read_order
from node.core.margin.what_if import SupposedMove, SupposedOrder, Supposition, what_if
from node.core.params import Params
from node.core.state import Account, State
from node.gateway.arguments import Arguments, QueryRefusedError
from proto.ids import MarketId
from proto.intents import Side
from proto.reject import RejectCode
from proto.units import LOTS_MAX, POSITION_LOTS_MAX, PRICE_MAX, Lots, Price


def supposed_orders(state: State, arguments: Arguments) -> tuple[SupposedOrder, ...]:
    """`[[market, side, size, price], ...]`; price 0 is the mark."""
    found: list[SupposedOrder] = []
    for item in _items(arguments, "orders"):
        market = _market(state, item)
        side, size = item.uint("side", 1), item.uint("size", LOTS_MAX)
        price = item.uint("price", PRICE_MAX, 0)
        item.done()
        if not size:
            raise QueryRefusedError(RejectCode.ORDER_SIZE_ZERO, "")
        found.append(SupposedOrder(market, Side(side), Lots(size), Price(price)))
    return tuple(found)


def supposed_moves(state: State, arguments: Arguments) -> tuple[SupposedMove, ...]:
    """`[[market, ppm], ...]`, ppm signed."""
    found: list[SupposedMove] = []
    for item in _items(arguments, "moves"):
        market = _market(state, item)
        found.append(SupposedMove(market, item.integer("ppm", MOVE_PPM_MIN, MOVE_PPM_MAX)))
        item.done()
    return tuple(found)


def _items(arguments: Arguments, name: str) -> list[Arguments]:
    rows = arguments.items(name) if arguments.more() else []
    if len(rows) > SUPPOSED_MAX:
        raise QueryRefusedError(RejectCode.FIELD_OUT_OF_RANGE, f"at most {SUPPOSED_MAX} {name}")
    if any(type(row) is not list for row in rows):
        raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, f"each of the {name} must be an array")
    return [Arguments(row) for row in rows]


def _market(state: State, item: Arguments) -> MarketId:
    number = MarketId(item.market(state))
    if not state.markets[number].mark:
        raise QueryRefusedError(RejectCode.INDEX_STALE, f"market {number} has no mark yet")
    return number


def supposition_portrait(
    state: State, account: Account, orders: tuple[SupposedOrder, ...], moves: tuple[SupposedMove, ...]
) -> dict[str, Any]:
    """The answer. Raises QueryRefusedError where a position would be larger than any may be."""
    for number in sorted({order.market for order in orders}):
        position = account.positions.get(number)
        lots = sum(order.size for order in orders if order.market == number)
        if lots + (abs(position.size) if position is not None else 0) > POSITION_LOTS_MAX:
            raise QueryRefusedError(RejectCode.POSITION_LIMIT, f"market {number}")
    return _shown(account, what_if(state, account, orders, moves))


def _shown(account: Account, found: Supposition) -> dict[str, Any]:
    return {
        "account": account.id, "address": account.address, "equity": found.equity, "initial_margin": found.initial,
        "maintenance_margin": found.maintenance, "free_collateral": found.free, "fees": found.fees, "allowed": found.allowed,
        "liquidatable": found.liquidatable, "deviation": found.outlook.deviation,
        "default_probability": found.outlook.probability, "expected_shortfall": found.outlook.shortfall,
        "positions": [
            {
                "market": row.market, "position_size": row.size, "entry": row.entry, "mark": row.mark,
                "unrealised_pnl": row.unrealised, "maintenance_margin": row.maintenance,
                "liquidation_price": row.liquidation_price,
            }
            for row in found.positions
        ],
    }  # fmt: skip


def from_texts(params: Params, orders: list[str], moves: list[str]) -> tuple[list[list[int]], list[list[int]]]:
    """The question's parameters from what people write. Raises QueryRefusedError."""
    markets = {market.name: market for market in params.markets}
    try:
        wanted = [read_order(text) for text in orders]
        moved = [read_move(text) for text in moves]
        for name in [*(order.market for order in wanted), *(move.market for move in moved)]:
            if name not in markets:
                raise QueryRefusedError(RejectCode.MARKET_UNKNOWN, name[:64])
        rows = []
        for order in wanted:
            market = markets[order.market]
            price = 0 if order.price is None else to_units(order.price, 6 - market.size_decimals, "price")
            rows.append([market.id, order.side.value, to_units(order.size, market.size_decimals, "size"), price])
    except AmountError as error:
        raise QueryRefusedError(RejectCode.FIELD_WRONG_TYPE, str(error)) from None
    return rows, [[markets[move.market].id, move.ppm] for move in moved]
