"""How rows look in the frames of the native protocol: maps with text keys and integer values.

Units are those of the protocol: prices in the market's price unit (10^-(6-d) USDC), sizes in lots (10^-d), USD amounts in micro-USDC, asset
amounts in the asset's ledger unit, rates in 1e-12, times in ms since the epoch. Enumerations are their numbers. Addresses are 20 bytes.
Integers beyond 64 bits (client ids, very large amounts) are decimal text on the wire: a reader converts every number with `int()`.
"""

from typing import Any

from node.views.accounts import BalanceRow, PositionRow
from node.views.batches import BatchRow
from node.views.book import Bbo, BookView, LevelRow
from node.views.history import HistoryRow
from node.views.portfolio import Sample
from node.views.queue import QueueView
from node.views.rows import CandleRow, FillRow, FundingRow, LedgerRow, OrderRow, RateRow, TradeRow, TransferRow, TwapRow
from node.views.tickers import Ticker
from proto.intents import Side


def order_map(row: OrderRow) -> dict[str, Any]:
    """An order as it stands."""
    return {
        "id": row.id, "market": row.market, "side": row.side, "type": row.order_type, "time_in_force": row.time_in_force,
        "price": row.price, "size": row.size, "remaining": row.remaining, "filled": row.filled, "quote": row.quote,
        "client_id": row.client_id, "reduce_only": row.reduce_only, "self_trade": row.self_trade, "good_til": row.good_til,
        "status": row.status,
        "reason": row.reason, "seq": row.seq, "time": row.time, "last_seq": row.last_seq, "last_time": row.last_time,
        "rested": row.rested, "trigger": row.trigger, "trigger_kind": row.trigger_kind, "fired": row.fired,
        "grouping": row.grouping, "group": row.group, "parent": row.parent, "code": row.code,
    }  # fmt: skip


def fill_map(row: FillRow) -> dict[str, Any]:
    """One side of a trade."""
    return {
        "seq": row.seq, "position": row.position, "time": row.time, "market": row.market, "trade": row.trade, "order": row.order,
        "client_id": row.client_id, "side": row.side, "price": row.price, "size": row.size, "is_taker": row.is_taker,
        "fee": row.fee, "pnl": row.pnl, "remaining": row.remaining, "liquidation": row.liquidation, "twap": row.twap,
    }  # fmt: skip


def trade_map(row: TradeRow) -> dict[str, Any]:
    """A public trade."""
    return {
        "seq": row.seq, "position": row.position, "time": row.time, "market": row.market, "trade": row.trade, "price": row.price,
        "size": row.size, "taker_side": row.taker_side, "liquidation": row.liquidation,
    }  # fmt: skip


def ledger_map(row: LedgerRow) -> dict[str, Any]:
    """A change of a balance."""
    return {
        "seq": row.seq, "position": row.position, "time": row.time, "asset": row.asset, "delta": row.delta,
        "balance": row.balance, "reason": row.reason,
    }  # fmt: skip


def funding_map(row: FundingRow) -> dict[str, Any]:
    """A funding payment."""
    return {
        "seq": row.seq, "position": row.position, "time": row.time, "market": row.market, "position_size": row.size,
        "funding": row.amount,
    }  # fmt: skip


def transfer_map(row: TransferRow) -> dict[str, Any]:
    """A transfer between accounts."""
    return {
        "seq": row.seq, "position": row.position, "time": row.time, "source": row.source, "destination": row.destination,
        "asset": row.asset, "amount": row.amount,
    }  # fmt: skip


def rate_map(row: RateRow) -> dict[str, Any]:
    """A market's funding rate."""
    return {"seq": row.seq, "position": row.position, "time": row.time, "market": row.market, "funding_rate": row.rate}


def twap_map(row: TwapRow) -> dict[str, Any]:
    """A time-sliced order as it began or ended."""
    return {
        "seq": row.seq, "position": row.position, "time": row.time, "twap": row.twap, "market": row.market, "side": row.side,
        "size": row.size, "reduce_only": row.reduce_only, "seconds": row.seconds, "slippage": row.slippage, "price": row.price,
        "start": row.start, "filled": row.filled, "quote": row.quote, "running": row.running, "reason": row.reason,
    }  # fmt: skip


def history_map(row: HistoryRow) -> dict[str, Any]:
    """Any row of a history."""
    match row:
        case OrderRow():
            return order_map(row)
        case FillRow():
            return fill_map(row)
        case TradeRow():
            return trade_map(row)
        case LedgerRow():
            return ledger_map(row)
        case FundingRow():
            return funding_map(row)
        case TransferRow():
            return transfer_map(row)
        case RateRow():
            return rate_map(row)
        case TwapRow():
            return twap_map(row)


def candle_map(row: CandleRow) -> dict[str, Any]:
    """A candle; `start` in ms."""
    return {
        "market": row.market, "interval_s": row.interval_s, "start": row.start, "open": row.open, "high": row.high,
        "low": row.low, "close": row.close, "volume": row.volume, "quote": row.quote, "trades": row.trades,
    }  # fmt: skip


def ticker_map(row: Ticker) -> dict[str, Any]:
    """Mark, index, funding and open interest of a market."""
    return {
        "market": row.market, "index_price": row.index_price, "mark": row.mark, "funding_rate": row.funding_rate,
        "funding_index": row.funding_index, "open_interest": row.open_interest, "status": row.status,
        "index_status": row.index_status, "last_price": row.last_price,
    }  # fmt: skip


def bbo_map(market: int, bbo: Bbo) -> dict[str, Any]:
    """Best bid and offer."""
    return {"market": market, "bid": bbo.bid, "bid_size": bbo.bid_lots, "ask": bbo.ask, "ask_size": bbo.ask_lots}


def book_map(market: int, book: BookView, depth: int, step: int = 0) -> dict[str, Any]:
    """A book's best `depth` levels (0: all) as [price, lots, orders], best first; with a `step`, prices put together at its multiples."""
    bids, asks = (book.grouped(side, depth, step) if step else book.side(side, depth) for side in (Side.BUY, Side.SELL))
    return {"market": market, "bids": bids, "asks": asks}


def book_delta(market: int, book: BookView) -> dict[str, Any]:
    """The levels touched since the last release, as they are now; zero lots: gone."""
    sides: tuple[list[LevelRow], list[LevelRow]] = ([], [])
    for side, price in book.changed:
        sides[side].append(book.level(side, price))
    return {"market": market, "bids": sides[Side.BUY], "asks": sides[Side.SELL]}


def queues_map(market: int, queues: QueueView, depth: int) -> dict[str, Any]:
    """A book order by order, the best `depth` prices (0: all): sides as [price, [[order, lots] in the order of trading]], best first."""
    return {"market": market, "bids": queues.side(Side.BUY, depth), "asks": queues.side(Side.SELL, depth)}


def queues_delta(market: int, queues: QueueView) -> dict[str, Any]:
    """What happened to resting orders since the last release, in order: [kind, order, side, price, lots now]."""
    return {"market": market, "changes": list(queues.changes)}


def sample_map(row: Sample) -> dict[str, Any]:
    """What an account was worth: value without haircuts, what came in less what went out, and volume, since the beginning."""
    return {"time": row.time, "value": row.value, "net_inflow": row.inflow, "pnl": row.profit, "traded": row.volume}


def position_map(row: PositionRow) -> dict[str, Any]:
    """A position."""
    return {"market": row.market, "position_size": row.size, "entry": row.entry}


def balance_map(row: BalanceRow) -> dict[str, Any]:
    """A balance."""
    return {"asset": row.asset, "balance": row.balance}


def batch_map(row: BatchRow) -> dict[str, Any]:
    """A batch and how far it has come."""
    return {
        "id": row.id, "first_seq": row.first_seq, "last_seq": row.last_seq, "ops_count": row.ops_count, "l2_time": row.l2_time,
        "prev_state_root": row.prev_state_root, "state_root": row.state_root, "inputs_root": row.inputs_root,
        "ops_root": row.ops_root, "data_hash": row.data_hash, "status": row.status, "posted_tx": row.posted_tx,
        "posted_block": row.posted_block, "posted_time": row.posted_time, "verified_by": list(row.verified_by),
        "final_time": row.final_time,
    }  # fmt: skip
