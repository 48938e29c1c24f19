"""What the state itself says about markets and accounts, as maps in the protocol's units. Pure functions of the state."""

from typing import Any

from node.core.book.execute import fee_of
from node.core.book.protection import is_frozen
from node.core.ledger import volume
from node.core.ledger.positions import funding_due
from node.core.margin.account import market_initial, position_value, summary
from node.core.margin.default_odds import outlook_of
from node.core.margin.fractions import maintenance_requirement
from node.core.margin.orders import order_fits, order_margin
from node.core.state import Account, Market, State
from node.core.transitions.placing import Limit, limit_of
from node.gateway.waterfall import shares_portrait
from proto.ids import SHARES, USDC
from proto.intents import OrderSpec


def market_portrait(state: State, market: Market) -> dict[str, Any]:
    """A market's rules and where it stands."""
    params = market.params
    return {
        "id": params.id, "name": params.name, "index": params.index, "size_decimals": params.size_decimals,
        "price_decimals": 6 - params.size_decimals, "minimum_notional": params.minimum_notional, "band_ppm": params.band_ppm,
        "open_interest_cap": params.open_interest_cap, "order_cap": params.order_cap,
        "maintenance_ppm": params.maintenance_ppm,
        "tiers": [{"lower_notional": tier.lower_notional, "leverage_max": tier.leverage_max} for tier in params.tiers],
        "taker_ppm": state.params.fees.taker_ppm, "maker_ppm": state.params.fees.maker_ppm,
        "status": market.status, "index_price": market.index_price, "mark": market.mark,
        "index_status": state.indices[params.index].status, "funding_rate": market.funding_rate,
        "funding_index": market.funding_index, "open_interest": market.open_interest,
        "last_price": market.premium.last_trade,
    }  # fmt: skip


def account_portrait(state: State, account: Account) -> dict[str, Any]:
    """Everything an account holds, owes and may do."""
    margin, odds = summary(state, account), outlook_of(state, account)
    positions = [
        position_portrait(state, account, state.markets[number])
        for number in sorted(account.positions)
        if account.positions[number].size
    ]
    totals = [
        {
            "market": number, "orders": open_.orders, "buy_size": open_.buy_lots, "buy_value": open_.buy_value,
            "sell_size": open_.sell_lots, "sell_value": open_.sell_value,
        }
        for number, open_ in sorted(account.positions.items())
        if open_.orders
    ]  # fmt: skip
    return {
        "account": account.id, "address": account.address,
        "master": state.accounts[account.master].address if account.master else b"",
        "equity": margin.equity, "initial_margin": margin.initial, "maintenance_margin": margin.maintenance,
        "free_collateral": margin.free, "default_probability": odds.probability, "expected_shortfall": odds.shortfall,
        "balances": [
            {"asset": USDC, "balance": account.cash},
            *({"asset": asset, "balance": account.balances[asset]} for asset in sorted(account.balances) if asset < SHARES),
        ],
        "shares": shares_portrait(state, account),
        "positions": positions, "open_orders": len(account.orders), "open_totals": totals,
        "cancel_at": account.cancel_at,
        "triggers": len(account.triggers),
        "twaps": [
            {
                "twap": row.id, "market": row.market, "side": row.side, "size": row.size, "reduce_only": row.reduce_only,
                "seconds": row.seconds, "slippage": row.slippage, "price": row.price, "start": row.start,
                "filled": row.filled, "quote": row.quote,
            }
            for row in sorted(account.twaps.values(), key=lambda row: row.id)
        ],
        **fee_portrait(state, account),
        "name": account.name.rstrip(b"\x00").decode("utf-8", "replace"),
        "protections": [
            {
                "market": number, "window_ms": p.window_ms, "freeze_ms": p.freeze_ms, "quantity": p.quantity, "delta": p.delta,
                "traded": p.traded, "net": p.net, "frozen": is_frozen(p, state.time),
            }
            for number, p in sorted(account.protections.items())
        ],
        "agents": [
            {
                "address": signer.address, "valid_until": signer.valid_until, "scope": signer.scope,
                "markets": list(signer.markets),
                "name": signer.name.rstrip(b"\x00").decode("utf-8", "replace"),
            }
            for signer in account.signers
            if signer.is_agent
        ],
    }  # fmt: skip


def fee_portrait(state: State, account: Account) -> dict[str, Any]:
    """What the account pays today, and the 30-day volume that it pays by."""
    taker, maker = volume.rates_of(state, volume.tier_now(state, account))
    traded = volume.volume_of(volume.payer(state, account), volume.day_of(state.time))
    return {"taker_ppm": taker, "maker_ppm": maker, "volume_30d": traded}


def position_portrait(state: State, account: Account, market: Market) -> dict[str, Any]:
    """A position at the current mark. `funding_due` is not settled yet; positive: the account will pay."""
    position = account.positions[market.params.id]
    return {
        "market": market.params.id, "position_size": position.size, "entry": position.entry, "mark": market.mark,
        "unrealised_pnl": position.size * market.mark - position.entry, "funding_due": funding_due(position, market),
        "value": position_value(position, market), "initial_margin": market_initial(state, account, position, market),
        "maintenance_margin": maintenance_requirement(market, abs(position.size) * market.mark),
    }  # fmt: skip


def order_margin_portrait(state: State, account: Account, order: OrderSpec) -> dict[str, Any]:
    """What one more order would need at its limit: a market order's is the edge of the band, or the mark where neither is given."""
    market = state.markets[order.market]
    mine = account.positions.get(order.market)
    limit = limit_of(market, order)
    price = limit.price if isinstance(limit, Limit) else order.price or market.mark
    margin = summary(state, account)
    return {
        "market": order.market, "price": price, "size": order.size, "notional": price * order.size,
        "initial_added": order_margin(state, account, market, mine, order.side, order.size, price),
        "taker_fee": fee_of(price * order.size, state.params.fees.taker_ppm),
        "maker_fee": fee_of(price * order.size, state.params.fees.maker_ppm),
        "free_collateral": margin.free, "equity": margin.equity, "initial_margin": margin.initial,
        "fits": order_fits(state, account, market, mine, order.side, order.size, price),
    }  # fmt: skip
