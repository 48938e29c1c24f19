"""What a topic shows now, for those that show how things stand rather than what happens."""

import base64
import zlib
from typing import Any, Final

from node.core.state import State
from node.gateway.hl.coins import Coins
from node.gateway.hl.info import Info
from node.gateway.hl.portraits import bbo_object
from node.gateway.hl.strict_json import write
from node.gateway.hl.topics import Topic
from node.gateway.hl.users import AskedOf
from node.views.venue import Views
from proto.hl.reading import address

Contexts = list[dict[str, Any]]
NEED_CONTEXTS: Final = ("activeAssetCtx", "allDexsAssetCtxs", "assetCtxs", "fastAssetCtxs", "webData2")


class Standing:
    """Shows topics of markets, and of users from a state."""

    def __init__(self, info: Info, coins: Coins, views: Views) -> None:
        self._info = info
        self._coins = coins
        self._views = views

    def of_market(self, topic: Topic, contexts: Contexts) -> Any:
        """A topic that belongs to nobody; None where there is nothing to show, or where it shows only what happens."""
        match topic.kind:
            case "l2Book":
                return self._info.book(topic.owner, topic.figures, topic.mantissa)
            case "bbo":
                return self.best(topic.owner)
            case "allMids":
                return {"mids": self._info.mids()}
            case "activeAssetCtx":
                return {"coin": self._coins.name(topic.owner), "ctx": contexts[topic.owner - 1]}
            case "candle":
                return self._info.past.running_candle(topic.owner, topic.interval)
            case "allDexsAssetCtxs":
                return {"ctxs": [["", contexts]]}
            case "assetCtxs":
                return {"dex": "", "ctxs": contexts}
            case "fastAssetCtxs":
                names = [self._coins.name(market.id) for market in self._coins.markets]
                return _packed(
                    {
                        name: {"markPx": shown["markPx"], "midPx": shown["midPx"]}
                        for name, shown in zip(names, contexts, strict=True)
                    }
                )
            case "spotAssetCtxs":
                return []
            case _:
                return None

    def of_user(self, state: State, topic: Topic, contexts: Contexts) -> Any:
        """A topic of a user; call between two cycles of the writer."""
        users, user, name = self._info.users, address(topic.user), topic.user
        match topic.kind:
            case "clearinghouseState":
                return {"dex": "", "user": name, "clearinghouseState": users.clearinghouse(state, user)}
            case "allDexsClearinghouseState":
                return {"user": name, "clearinghouseStates": [["", users.clearinghouse(state, user)]]}
            case "spotState":
                return {"user": name, "spotState": users.spot(state, user)}
            case "openOrders":
                return {"dex": "", "user": name, "orders": users.frontend_orders(user)}
            case "activeAssetData":
                return users.active_asset(state, AskedOf(user, topic.owner))
            case "webData2":
                return users.web_data(state, user, contexts)
            case "webData3":
                return users.web_data3(state, user)
            case "twapStates":
                return {"dex": "", "user": name, "states": users.twaps(state, user)}
            case _:
                return None

    def best(self, market: int) -> dict[str, Any]:
        """Best bid and offer of a market now."""
        decimals = self._coins.decimals(market)
        return bbo_object(self._views.books[market], self._coins.name(market), decimals, self._views.time)


def _packed(value: Any) -> str:
    """JSON as this one channel carries it: raw DEFLATE in base64."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(packer.compress(write(value)) + packer.flush()).decode()
