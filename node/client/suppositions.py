"""Suppositions as people write them: `MARKET:SIDE:SIZE[@PRICE]` for an order, `MARKET:±PERCENT` for a move of a mark."""

from typing import Final, NamedTuple

from node.client.amounts import AmountError, to_units
from proto.intents import Side

_PERCENT_DECIMALS: Final = 4  # A ppm is a ten-thousandth of a percent.
MOVE_PPM_MIN: Final = -999_999
MOVE_PPM_MAX: Final = 100_000_000
SUPPOSED_MAX: Final = 50
"""Orders, and moves, of one supposition."""


class OrderText(NamedTuple):
    """An order in human units; no price means the mark."""

    market: str
    side: Side
    size: str
    price: str | None


class MoveText(NamedTuple):
    """A move of a mark in parts per million."""

    market: str
    ppm: int


def read_order(text: str) -> OrderText:
    """The order in `BTC-PERPETUAL:buy:0.5@60000` or, at the mark, `BTC-PERPETUAL:buy:0.5`. Raises AmountError."""
    parts = text.split(":")
    sides = {"buy": Side.BUY, "sell": Side.SELL}
    if len(parts) != 3 or parts[1].lower() not in sides:
        raise AmountError(f"{text[:80]!r} is not MARKET:SIDE:SIZE[@PRICE], as in BTC-PERPETUAL:buy:0.5@60000")
    size, _, price = parts[2].partition("@")
    if not size or ("@" in parts[2] and not price):
        raise AmountError(f"{text[:80]!r} lacks a size, or a price after the @")
    return OrderText(parts[0].upper(), sides[parts[1].lower()], size, price or None)


def read_move(text: str) -> MoveText:
    """The move in `BTC-PERPETUAL:-12.5` or `BTC-PERPETUAL:+3%`. Raises AmountError."""
    market, colon, percent = text.partition(":")
    if not colon or not market:
        raise AmountError(f"{text[:80]!r} is not MARKET:±PERCENT, as in BTC-PERPETUAL:-12.5")
    ppm = to_units(percent.strip().removesuffix("%").removeprefix("+"), _PERCENT_DECIMALS, "percentage")
    if not MOVE_PPM_MIN <= ppm <= MOVE_PPM_MAX:
        raise AmountError(f"a move of {percent} % is out of range: above -100, at most 10,000")
    return MoveText(market.upper(), ppm)
