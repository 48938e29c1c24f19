"""Rows of the read models as the dialect shows them."""

from typing import Any, Final

from node.gateway.hl import fmt
from node.gateway.hl.coins import Coins
from node.views.book import BookView, LevelRow
from node.views.intervals import bounds
from node.views.rows import CandleRow, FillRow, FundingRow, TradeRow
from proto.hl.reading import cloid_text
from proto.intents import Side
from proto.units import PRICE_DECIMALS_MAX

LEVELS_MAX: Final = 20


def direction(start: int, signed: int) -> str:
    """What a fill did to the position `start`."""
    end = start + signed
    if start > 0 > end:
        return "Long > Short"
    if start < 0 < end:
        return "Short > Long"
    if signed > 0:
        return "Open Long" if start >= 0 else "Close Short"
    return "Open Short" if start <= 0 else "Close Long"


def fill_object(row: FillRow, coins: Coins) -> dict[str, Any]:
    """One side of a trade."""
    decimals = coins.decimals(row.market)
    signed = row.size if row.side == Side.BUY else -row.size
    doing = direction(row.start, signed)
    if row.liquidation and row.is_taker:
        doing = "Liquidated Cross Long" if row.start > 0 else "Liquidated Cross Short"
    shown: dict[str, Any] = {
        "coin": coins.name(row.market), "px": fmt.price(row.price, decimals), "sz": fmt.fixed(row.size, decimals),
        "side": fmt.side(row.side), "time": row.time, "startPosition": fmt.fixed(row.start, decimals), "dir": doing,
        "closedPnl": fmt.usd(row.pnl), "hash": fmt.input_hash(0 if row.twap else row.seq), "oid": row.order, "crossed": row.is_taker,
        "fee": fmt.usd(row.fee), "tid": row.trade, "feeToken": "USDC", "twapId": row.twap or None,
    }  # fmt: skip
    if row.client_id:
        shown["cloid"] = cloid_text(row.client_id)
    return shown


def trade_object(row: TradeRow, coins: Coins, buyer: str, seller: str) -> dict[str, Any]:
    """A public trade."""
    decimals = coins.decimals(row.market)
    return {
        "coin": coins.name(row.market), "side": fmt.side(row.taker_side), "px": fmt.price(row.price, decimals),
        "sz": fmt.fixed(row.size, decimals), "time": row.time, "hash": fmt.input_hash(row.seq), "tid": row.trade,
        "users": [buyer, seller],
    }  # fmt: skip


def funding_object(row: FundingRow, coins: Coins, rate: int) -> dict[str, Any]:
    """A funding payment at the market's rate of that time."""
    decimals = coins.decimals(row.market)
    return {
        "type": "funding", "coin": coins.name(row.market), "usdc": fmt.usd(row.amount),
        "szi": fmt.fixed(row.size, decimals), "fundingRate": fmt.rate(rate), "nSamples": None,
    }  # fmt: skip


def candle_object(row: CandleRow, coins: Coins, interval: str) -> dict[str, Any]:
    """A candle; its end is the last millisecond that belongs to it."""
    end = bounds(row.interval_s, row.start)[1]
    decimals = coins.decimals(row.market)
    shown = {
        name: fmt.price(value, decimals)
        for name, value in (("o", row.open), ("c", row.close), ("h", row.high), ("l", row.low))
    }
    return {
        "t": row.start, "T": end - 1, "s": coins.name(row.market), "i": interval, **shown,
        "v": fmt.fixed(row.volume, decimals), "n": row.trades,
    }  # fmt: skip


def level_object(level: LevelRow, decimals: int) -> dict[str, Any]:
    """Price, size and number of orders."""
    return {"px": fmt.price(level.price, decimals), "sz": fmt.fixed(level.lots, decimals), "n": level.orders}


def book_object(
    book: BookView, market: int, coins: Coins, time: int, figures: int | None, mantissa: int | None
) -> dict[str, Any]:
    """At most 20 levels a side; with `figures`, prices keep that many significant figures (times `mantissa`)."""
    decimals, sides = coins.decimals(market), []
    for which in (Side.BUY, Side.SELL):
        if figures is None:
            levels = book.side(which, LEVELS_MAX)
        else:
            best = book.side(which, 1)
            digits = len(str(best[0].price)) if best else 1
            step = 10 ** max(digits - figures, 0) * (mantissa or 1)
            levels = book.grouped(which, LEVELS_MAX, step)
        sides.append([level_object(level, decimals) for level in levels])
    return {"coin": coins.name(market), "time": time, "levels": sides}


def mid_text(book: BookView, decimals: int) -> str | None:
    """The middle between best bid and offer, or None without both."""
    bbo = book.bbo()
    if not bbo.bid or not bbo.ask:
        return None
    return fmt.fixed((bbo.bid + bbo.ask) * 5, PRICE_DECIMALS_MAX - decimals + 1)
