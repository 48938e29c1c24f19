"""Orders in slices over time, as the dialect shows them."""

from typing import Any, Final

from node.core.state import Account, Twap
from node.gateway.hl import fmt, rows
from node.gateway.hl.coins import Coins
from node.views.rows import FillRow, TwapRow
from proto.events import CloseReason

_SECONDS: Final = 60
_FINISHED: Final = (CloseReason.EXPIRED, CloseReason.FILLED)


def _state(twap: Twap | TwapRow, coins: Coins, user: str) -> dict[str, Any]:
    """How far one is."""
    decimals = coins.decimals(twap.market)
    return {
        "coin": coins.name(twap.market), "user": user, "side": fmt.side(twap.side), "sz": fmt.fixed(twap.size, decimals),
        "executedSz": fmt.fixed(twap.filled, decimals), "executedNtl": fmt.usd(twap.quote),
        "minutes": twap.seconds // _SECONDS, "reduceOnly": twap.reduce_only, "randomize": False, "timestamp": twap.start,
        "stopPx": None, "trigger": None,
    }  # fmt: skip


def running(account: Account | None, coins: Coins, user: str) -> list[Any]:
    """Those that run, oldest first."""
    if account is None:
        return []
    return [[number, _state(account.twaps[number], coins, user)] for number in sorted(account.twaps)]


def history_object(row: TwapRow, coins: Coins, user: str) -> dict[str, Any]:
    """A beginning or an end; its time is in seconds."""
    status = "activated"
    if not row.running:
        status = "finished" if row.reason in _FINISHED else "terminated"
    return {
        "time": row.time // 1_000, "state": _state(row, coins, user), "status": {"status": status}, "twapId": row.twap,
    }  # fmt: skip


def slice_fill(row: FillRow, coins: Coins) -> dict[str, Any]:
    """A trade of a slice."""
    return {"fill": rows.fill_object(row, coins), "twapId": row.twap}
