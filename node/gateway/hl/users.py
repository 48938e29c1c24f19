"""What the dialect shows of a user now. Functions of state and read models; histories are in node.gateway.hl.past.

An unknown user is nobody's fault: zeros and empty lists.
"""

from typing import Any, Final, NamedTuple

from node.core.margin.account import summary
from node.core.margin.orders import order_fits
from node.core.state import Account, Market, State
from node.gateway.hl import fmt, portraits, twaps
from node.gateway.hl.coins import Coins
from node.views.rows import OrderRow
from node.views.venue import Views
from proto.hl.reading import HlMalformedError, address_text
from proto.ids import Address, sub_account_address
from proto.intents import Side
from proto.units import LOTS_MAX

ABSTRACTION: Final = "unifiedAccount"
"""All collateral is in one account, shown row by row as spot balances; the clearinghouse state has positions and margin."""


class AskedOf(NamedTuple):
    """A user, and where needed a market."""

    user: Address
    market: int = 0


class Users:
    """Reads of one user. Every method that takes a state is to be called between two cycles of the writer."""

    def __init__(self, coins: Coins, views: Views, state: State) -> None:
        self._coins = coins
        self._views = views
        self._state = state  # For addresses: they never go away.

    def orders_of(self, user: Address) -> list[OrderRow]:
        """Open orders, newest first."""
        number = self._state.by_address.get(user)
        return [] if number is None else list(self._views.orders.of_account(number))[::-1]

    def open_orders(self, user: Address) -> list[dict[str, Any]]:
        """As plain lists show them."""
        name, decimals = self._coins.name, self._coins.decimals
        return [fmt.order_object(row, name(row.market), decimals(row.market)) for row in self.orders_of(user)]

    def frontend_orders(self, user: Address) -> list[dict[str, Any]]:
        """With everything a web page shows."""
        name, decimals = self._coins.name, self._coins.decimals
        return [fmt.frontend_order(row, name(row.market), decimals(row.market)) for row in self.orders_of(user)]

    # --- from the state ---------------------------------------------------------------------------------------------------

    def clearinghouse(self, state: State, user: Address) -> dict[str, Any]:
        """Margin and positions."""
        account = portraits.account_at(state, user)
        return portraits.clearinghouse(state, account, self._coins, self._views.fundings)

    def twaps(self, state: State, user: Address) -> list[Any]:
        """Time-sliced orders that run."""
        return twaps.running(portraits.account_at(state, user), self._coins, address_text(user))

    def spot(self, state: State, user: Address) -> dict[str, Any]:
        """One row per collateral."""
        return portraits.spot_balances(state, portraits.account_at(state, user))

    def sub_accounts(self, state: State, user: Address) -> list[dict[str, Any]] | None:
        """Sub-accounts with the first numbers there can be; null without any."""
        found = []
        for number in range(state.params.limits.sub_accounts):
            sub = portraits.account_at(state, sub_account_address(user, number))
            if sub is not None and sub.master:
                found.append(
                    {
                        "name": portraits.sub_account_name(sub, number), "subAccountUser": address_text(sub.address),
                        "master": address_text(user), "clearinghouseState": self.clearinghouse(state, sub.address),
                        "spotState": self.spot(state, sub.address),
                    }
                )  # fmt: skip
        return found or None

    def sub_accounts_by_dex(self, state: State, user: Address) -> list[dict[str, Any]] | None:
        """The same in the newer form."""
        found = self.sub_accounts(state, user)
        if found is None:
            return None
        return [
            {
                **{key: value for key, value in row.items() if key != "clearinghouseState"},
                "dexToClearinghouseState": [["", row["clearinghouseState"]]], "abstraction": ABSTRACTION,
            }
            for row in found
        ]  # fmt: skip

    def active_asset(self, state: State, asked: AskedOf) -> dict[str, Any]:
        """How much of a market the user could buy and sell at the mark."""
        account, market = portraits.account_at(state, asked.user), state.markets.get(asked.market)  # type: ignore[call-overload]
        if market is None:
            raise HlMalformedError("unknown coin")
        decimals = market.params.size_decimals
        sizes = [0, 0] if account is None else [largest(state, account, market, side) for side in (Side.BUY, Side.SELL)]
        return {
            "user": address_text(asked.user), "coin": self._coins.name(asked.market),
            "leverage": portraits.leverage(account, market),
            "maxTradeSzs": [fmt.fixed(lots, decimals) for lots in sizes],
            "availableToTrade": [fmt.usd(lots * market.mark) for lots in sizes],
            "markPx": fmt.price(market.mark, decimals),
        }  # fmt: skip

    def web_data(self, state: State, user: Address, contexts: list[dict[str, Any]]) -> dict[str, Any]:
        """Everything that a web page of the second generation shows."""
        agent = portraits.unnamed_agent(portraits.account_at(state, user))
        return {
            "clearinghouseState": self.clearinghouse(state, user), "leadingVaults": [], "totalVaultEquity": "0.0",
            "openOrders": self.frontend_orders(user), **agent, "cumLedger": self._cumulated(user),
            "meta": portraits.meta(self._coins), "assetCtxs": contexts, "serverTime": state.time, "isVault": False,
            "user": address_text(user), "twapStates": self.twaps(state, user), "spotState": self.spot(state, user), "spotAssetCtxs": [],
            "perpsAtOpenInterestCap": portraits.at_cap(state, self._coins),
        }  # fmt: skip

    def web_data3(self, state: State, user: Address) -> dict[str, Any]:
        """And of the third."""
        agent = portraits.unnamed_agent(portraits.account_at(state, user))
        return {
            "userState": {
                **agent, "cumLedger": self._cumulated(user), "serverTime": state.time, "isVault": False,
                "user": address_text(user), "abstraction": ABSTRACTION,
            },
            "perpDexStates": [
                {
                    "totalVaultEquity": "0.0", "perpsAtOpenInterestCap": portraits.at_cap(state, self._coins),
                    "leadingVaults": [],
                }
            ],
        }  # fmt: skip

    def _cumulated(self, user: Address) -> str:
        number = self._state.by_address.get(user)
        return fmt.usd(0 if number is None else self._views.totals.inflow(number))

    def referral(self, user: Address) -> dict[str, Any]:
        """There is nothing to earn: codes are accepted and without effect."""
        number = self._state.by_address.get(user)
        return {
            "referredBy": None, "cumVlm": fmt.usd(0 if number is None else self._views.totals.volume(number)),
            "unclaimedRewards": "0.0", "claimedRewards": "0.0", "builderRewards": "0.0",
            "referrerState": {"stage": "needToCreateCode"}, "rewardHistory": [], "tokenToState": [],
        }  # fmt: skip


def largest(state: State, account: Account, market: Market, side: Side) -> int:
    """The most lots that would be taken at the mark, found by halving; 0 without a mark."""
    if not market.mark:
        return 0
    mine = account.positions.get(market.params.id)
    value = max(summary(state, account).equity, 0)
    high = value * market.params.tiers[0].leverage_max // market.mark + (2 * abs(mine.size) if mine else 0) + 1
    low, high = 0, min(high, LOTS_MAX)
    while low < high:
        middle = (low + high + 1) // 2
        if order_fits(state, account, market, mine, side, middle, market.mark):
            low = middle
        else:
            high = middle - 1
    return low
