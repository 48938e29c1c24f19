"""What a subscription asks for, and how it is echoed: everything that was sent, with what it left open filled in."""

from typing import Any, Final, NamedTuple

from node.gateway.hl.info import Info, aggregation, default_dex, user_of
from node.gateway.hl.past import interval_of
from proto.hl.reading import HlMalformedError, address_text


class Topic(NamedTuple):
    """A subscription as the feed knows it: channel, market or user, and what else tells two of a kind apart."""

    kind: str
    owner: int = 0
    user: str = ""  # Lower-case address; an address may get its account later.
    interval: str = ""
    figures: int | None = None
    mantissa: int | None = None


OF_COIN: Final = ("l2Book", "bbo", "trades", "activeAssetCtx", "candle")
OF_ALL: Final = ("allMids", "allDexsAssetCtxs", "assetCtxs", "fastAssetCtxs", "spotAssetCtxs", "outcomeMetaUpdates")
HAPPENING: Final = (
    "orderUpdates", "userFills", "userFundings", "userNonFundingLedgerUpdates", "userHistoricalOrders",
    "userTwapSliceFills", "userTwapHistory", "notification",
)  # fmt: skip
"""Of a user, sent as it happens."""
STANDING: Final = {
    "clearinghouseState": 1, "spotState": 1, "openOrders": 1, "activeAssetData": 1, "webData2": 2, "webData3": 2,
    "allDexsClearinghouseState": 2, "twapStates": 2,
}  # fmt: skip
"""Of a user, sent again and again; the seconds between."""
_CHANNELS: Final = {"userEvents": "user", "user": "user", **{kind: kind for kind in (*HAPPENING, *STANDING)}}


def topic_of(asked: Any, info: Info) -> tuple[Topic, dict[str, Any]]:
    """The topic of a subscription and its echo. Raises HlMalformedError."""
    kind = asked.get("type") if type(asked) is dict else None
    if type(kind) is not str:
        raise HlMalformedError("a subscription has a type")
    if not default_dex(asked):
        raise HlMalformedError("there is no such dex")
    if kind in OF_ALL:
        return Topic(kind), asked
    if kind in OF_COIN:
        market = info.market_of(asked)
        if kind == "candle":
            interval_of(asked.get("interval"))
            return Topic(kind, market, "", asked["interval"]), asked
        if kind == "l2Book":
            figures, mantissa = aggregation(asked)
            return Topic(kind, market, "", "", figures, mantissa), {"nSigFigs": None, "mantissa": None, **asked}
        return Topic(kind, market), asked
    channel = _CHANNELS.get(kind)
    if channel is None:
        raise HlMalformedError("unknown subscription")
    market = info.market_of(asked) if kind == "activeAssetData" else 0
    return Topic(channel, market, address_text(user_of(asked))), asked
