"""Who uses the simulated venue: owners with sub-accounts and agents who sign every kind of action, and publishers who err.

Everything drawn comes from one generator; nothing here knows whether the node is alive.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from node.core.params import LimitParams
from node.core.state import State
from proto.ids import ETH, USDC, Address, AssetId, IndexId, MarketId, OrderId, sub_account_address
from proto.inputs import IndexPrice, OracleReport, UserAction, user_action
from proto.intents import (
    SCOPE_TRADE,
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CreateSubAccount,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    RevokeAgent,
    SelfTrade,
    Side,
    TimeInForce,
    Transfer,
    Withdraw,
)
from proto.signing.eip712 import intent_digest, report_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import AssetUnits, Lots, MicroPrice, Price, TimeMs
from tests.sequencer.venue import DOMAIN, PUBLISHERS, USD, market
from tests.sequencer.venue import PARAMS as _PARAMS

OWNERS: Final = tuple(SigningKey(bytes([16 + number]) * 32) for number in range(6))
AGENTS: Final = tuple(SigningKey(bytes([32 + number]) * 32) for number in range(3))
STRANGER: Final = SigningKey(bytes([48]) * 32)
SUBS: Final = tuple(sub_account_address(key.address, 0) for key in OWNERS[:2])
ACCOUNTS: Final = (*(key.address for key in OWNERS), *SUBS)
HOUR_MS: Final = 3_600_000
PARAMS: Final = replace(
    _PARAMS,
    markets=(
        replace(market(1, "BTC-PERPETUAL", 5), order_cap=60),
        replace(market(2, "ETH-PERPETUAL", 4), order_cap=60),
    ),
    limits=LimitParams(50, 2, 2, 6, 4, 4),
)
"""Limits low enough that a run meets them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A signed action as its sender keeps it."""

    item: UserAction
    signer: Address


class Crowd:
    """Draws what somebody does next. `look` shows the state as of now, as somebody who reads the feeds would see it."""

    def __init__(self, rng: random.Random, look: Callable[[Callable[[State], Any]], Any]) -> None:
        self._rng = rng
        self._look = look
        self._nonces: dict[Address, int] = {}
        self._kinds: list[tuple[int, Callable[[SigningKey, Address, int], Intent]]] = [
            (42, self._place), (14, self._quotes), (9, self._cross), (8, self._cancel), (7, self._amend), (2, self._cancel_all),
            (5, self._withdraw), (5, self._transfer), (4, self._agent), (1, self._sub_account),
        ]  # fmt: skip

    def act(self, now: int) -> Sent:
        """One signed action."""
        rng = self._rng
        key = rng.choice(OWNERS)
        account = key.address
        if key in OWNERS[:2] and rng.random() < 0.3:
            account = sub_account_address(key.address, 0)
        chosen = rng.choices([kind for _, kind in self._kinds], [weight for weight, _ in self._kinds])[0]
        intent = chosen(key, account, now)
        luck = rng.random()
        if luck < 0.08:
            key = rng.choice(AGENTS)
        elif luck < 0.09:
            key = STRANGER
        elif luck < 0.10:
            key = rng.choice(OWNERS)
        intent = replace(intent, nonce=self._nonce(key.address, now), expires_after=self._expiry(now))
        return Sent(user_action(intent, key.sign(intent_digest(DOMAIN, intent))), key.address)

    def _nonce(self, signer: Address, now: int) -> int:
        rng = self._rng
        if rng.random() < 0.02:
            return now + rng.choice([-3 * 24 * HOUR_MS, -5_000, 2 * 24 * HOUR_MS])
        nonce = self._nonces[signer] = max(self._nonces.get(signer, 0) + 1, now)
        return nonce

    def _expiry(self, now: int) -> TimeMs:
        return TimeMs(now + self._rng.choice([-1, 5, 60_000]) if self._rng.random() < 0.04 else 0)

    def _spec(self, market_id: int, side: Side, away_bps: int, tif: TimeInForce, lots: int) -> OrderSpec:
        rng = self._rng
        mark = max(self._look(lambda state: state.markets[MarketId(market_id)].mark), 1)
        price = max(mark + mark * away_bps // 10_000, 1)
        price -= price % 10 ** max(len(str(price)) - 5, 0)
        return OrderSpec(
            MarketId(market_id), side, OrderType.LIMIT, tif, Price(price), Lots(lots), reduce_only=rng.random() < 0.06,
            client_id=rng.choice([0, rng.randint(1, 9)]), self_trade=rng.choice(list(SelfTrade)),
        )  # fmt: skip

    def _lots(self, market_id: int) -> int:
        """Often small, sometimes nearly all that margin allows: those are liquidated one day."""
        unit = 170 if market_id == 1 else 330  # About 100 USD.
        return unit * self._rng.choice([1, 5, 20, 200, 1_500, 3_000])

    def _place(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        rng = self._rng
        market_id, side = rng.choice([1, 1, 2]), rng.choice(list(Side))
        tif = rng.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, *TimeInForce])
        spec = self._spec(market_id, side, rng.randint(-30, 30), tif, self._lots(market_id))
        if rng.random() < 0.05:
            spec = replace(spec, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC)
        return PlaceOrder(account, 0, TimeMs(0), spec)

    def _quotes(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        rng = self._rng
        market_id = rng.choice([1, 2])
        orders = [
            self._spec(market_id, side, sign * rng.randint(1, 25), TimeInForce.POST_ONLY, self._lots(market_id))
            for _ in range(rng.randint(1, 2))
            for side, sign in ((Side.BUY, -1), (Side.SELL, 1))
        ]
        return PlaceOrders(account, 0, TimeMs(0), tuple(orders))

    def _cross(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        rng = self._rng
        market_id, side = rng.choice([1, 2]), rng.choice(list(Side))
        away = 60 if side == Side.BUY else -60
        return PlaceOrder(
            account, 0, TimeMs(0), self._spec(market_id, side, away, TimeInForce.IOC, self._lots(market_id))
        )

    def _some_order(self) -> tuple[OrderId, Address] | None:
        def pick(state: State) -> list[tuple[OrderId, Address]]:
            return [(order.id, state.accounts[order.account].address) for order in state.orders.values()]

        known: list[tuple[OrderId, Address]] = self._look(pick)
        return self._rng.choice(known) if known else None

    def _cancel(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        found = self._some_order()
        if found is None or self._rng.random() < 0.4:
            return CancelByClientId(account, 0, TimeMs(0), self._rng.randint(1, 9))
        return CancelOrder(account, 0, TimeMs(0), found[0])

    def _amend(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        rng = self._rng
        found = self._some_order()
        spec = self._spec(rng.choice([1, 2]), Side.BUY, rng.randint(-30, 30), TimeInForce.GTC, 1)
        number, client_id = (OrderId(0), rng.randint(1, 9)) if found is None or rng.random() < 0.4 else (found[0], 0)
        return AmendOrder(account, 0, TimeMs(0), number, client_id, spec.price, Lots(rng.randint(0, 9_000)))

    def _cancel_all(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        return CancelAll(account, 0, TimeMs(0), MarketId(self._rng.randint(0, 2)))

    def _amount(self) -> tuple[AssetId, AssetUnits]:
        asset = self._rng.choice([USDC, USDC, USDC, ETH])
        unit = USD if asset == USDC else 10**6
        return asset, AssetUnits(self._rng.choice([0, 1, 7 * unit, 500 * unit, 20_000 * unit]))

    def _withdraw(self, key: SigningKey, account: Address, _now: int) -> Intent:
        return Withdraw(account, 0, TimeMs(0), key.address, *self._amount())

    def _transfer(self, _key: SigningKey, account: Address, _now: int) -> Intent:
        return Transfer(account, 0, TimeMs(0), self._rng.choice(ACCOUNTS), *self._amount())

    def _agent(self, key: SigningKey, _account: Address, now: int) -> Intent:
        agent = self._rng.choice(AGENTS).address
        if self._rng.random() < 0.3:
            return RevokeAgent(key.address, 0, TimeMs(0), agent)
        until = TimeMs(self._rng.choice([0, now + 2 * HOUR_MS]))
        return ApproveAgent(key.address, 0, TimeMs(0), agent, until, SCOPE_TRADE, bytes(32))

    def _sub_account(self, key: SigningKey, _account: Address, _now: int) -> Intent:
        return CreateSubAccount(key.address, 0, TimeMs(0), self._rng.randint(0, 2))


class Press:
    """Three publishers of two indices: they walk, jump, lie, fall silent, and their clocks are off."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._prices = [60_000 * USD, 3_000 * USD]
        self._last = dict.fromkeys(range(len(PUBLISHERS)), 0)

    def jump(self) -> None:
        """The world moves: somebody will be liquidated."""
        at = self._rng.randrange(len(self._prices))
        self._prices[at] = self._prices[at] * (100 + self._rng.choice([-12, -7, -4, 4, 7, 12])) // 100
        self._prices[at] = min(max(self._prices[at], 100 * USD), 10**6 * USD)

    def report(self, who: int, now: int) -> tuple[OracleReport, Address]:
        """One publisher's prices as it sees them."""
        rng, key = self._rng, PUBLISHERS[who]
        self._prices = [price + price * rng.randint(-8, 8) // 10_000 for price in self._prices]
        prices = [price + price * rng.randint(-3, 3) // 10_000 for price in self._prices]
        luck = rng.random()
        if luck < 0.03:
            prices = [price * rng.choice([1, 9, 10, 13, 100]) // 10 for price in prices]  # Lies.
        elif luck < 0.04:
            prices = [0, prices[1]]
        time = now + (rng.choice([-30_000, 30_000]) if rng.random() < 0.02 else 0)
        if rng.random() < 0.97:
            time = max(time, self._last[who] + 1)
        if time <= now:
            self._last[who] = max(self._last[who], time)
        lines = tuple(
            IndexPrice(IndexId(number), MicroPrice(price), MicroPrice(0)) for number, price in enumerate(prices, 1)
        )
        signature = key.sign(report_digest(DOMAIN, TimeMs(time), lines))
        return OracleReport(TimeMs(time), lines, signature), key.address
