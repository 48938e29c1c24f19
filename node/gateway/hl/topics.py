"""What a subscription asks for, and how it is echoed: everything that was sent, with what it left open filled in."""

from typing import Any, Final

from node.gateway.hl.feed import Topic
from node.gateway.hl.info import Info, aggregation, default_dex, user_of
from node.gateway.hl.past import interval_of
from proto.hl.reading import HlMalformedError, address_text

_OF_COIN: Final = ("l2Book", "bbo", "trades", "activeAssetCtx", "candle")
_OF_USER: Final = {
    "orderUpdates": "orderUpdates", "userEvents": "user", "user": "user", "userFills": "userFills",
    "userFundings": "userFundings", "userNonFundingLedgerUpdates": "userNonFundingLedgerUpdates",
}  # fmt: skip


def topic_of(asked: Any, info: Info) -> tuple[Topic, dict[str, Any]]:
    """The topic of a subscription and its echo. Raises HlMalformedError."""
    kind = asked.get("type") if type(asked) is dict else None
    if type(kind) is not str:
        raise HlMalformedError("a subscription has a type")
    if kind == "allMids" and default_dex(asked):
        return Topic("allMids"), asked
    if kind in _OF_COIN:
        market = info.market_of(asked)
        if kind == "candle":
            interval = asked.get("interval")
            interval_of(interval)
            return Topic(kind, market, "", interval), asked
        if kind == "l2Book":
            figures, mantissa = aggregation(asked)
            return Topic(kind, market, "", "", figures, mantissa), {"nSigFigs": None, "mantissa": None, **asked}
        return Topic(kind, market), asked
    channel = _OF_USER.get(kind)
    if channel is None:
        raise HlMalformedError("unknown subscription")
    return Topic(channel, user=address_text(user_of(asked))), asked
