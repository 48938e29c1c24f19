"""A small venue on the real rule book: two markets, three publishers, four traders, and inputs signed by them."""

import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future

from node.core.params import (
    AssetParams,
    DialectParams,
    FeeParams,
    FundingParams,
    IndexParams,
    LimitParams,
    LiquidationParams,
    MarginParams,
    MarketParams,
    OracleParams,
    Params,
    PublisherParams,
    TierParams,
)
from node.ops.clock import Clock, FakeClock
from node.ops.metrics import Metrics
from node.sequencer.recover import Recovered, recover
from node.sequencer.released import Listener, ReleasedInput
from node.sequencer.sequencer import Identity, Sequencer
from node.sequencer.settings import SequencerSettings
from node.store.errors import StoreFailed
from node.store.headers import BatchHeader
from node.store.memory import MemoryDisk
from node.store.store import Store, open_memory
from proto.ids import ETH, USDC, ZERO_ADDRESS, Address, AssetId, IndexId, MarketId
from proto.inputs import DepositSeen, IndexPrice, Input, OracleReport, UserAction, user_action
from proto.intents import (
    CancelAll,
    CancelByClientId,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    SelfTrade,
    Side,
    TimeInForce,
    Transfer,
    Withdraw,
)
from proto.signing.eip712 import Domain, intent_digest, report_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import AssetUnits, Lots, MicroPrice, MicroUsd, Ppm, Price, TimeMs

START_MS = 1_700_000_000_000
DOMAIN = Domain(31337, Address(b"\x0c" * 20))
OPERATOR = SigningKey(b"\x01" * 32)
TRADERS = tuple(SigningKey(bytes([16 + number]) * 32) for number in range(4))
PUBLISHERS = tuple(SigningKey(bytes([64 + number]) * 32) for number in range(3))
USD = 1_000_000


def market(number: int, name: str, size_decimals: int) -> MarketParams:
    """A perpetual on the index of the same number."""
    return MarketParams(
        MarketId(number), name, IndexId(number), size_decimals, (TierParams(MicroUsd(0), 20),), Ppm(500_000),
        band_ppm=Ppm(0), mark_band_ppm=Ppm(5_000), minimum_notional=MicroUsd(0), open_interest_cap=MicroUsd(0),
        impact_notional=MicroUsd(20_000 * USD), order_cap=1_000,
    )  # fmt: skip


PARAMS = Params(
    network="test",
    chain_id=31337,
    assets=(
        AssetParams(USDC, "USDC", 6, AssetUnits(10**15)),
        AssetParams(ETH, "ETH", 9, AssetUnits(10**15), IndexId(2), Ppm(850_000), Ppm(900_000), Ppm(500)),
    ),
    indices=(IndexParams(IndexId(1), "BTC"), IndexParams(IndexId(2), "ETH")),
    markets=(market(1, "BTC-PERPETUAL", 5), market(2, "ETH-PERPETUAL", 4)),
    publishers=tuple(PublisherParams(key.address, 1) for key in PUBLISHERS),
    oracle=OracleParams(2, 5_000, 2_000, Ppm(20_000), Ppm(10_000), 60_000, 600_000),
    funding=FundingParams(5_000, 3_600_000, 100_000_000, 500_000_000, 40_000_000_000, 30_000),
    margin=MarginParams(Ppm(200_000), Ppm(80_000), Ppm(980_000), Ppm(1_200_000), Ppm(25_000)),
    fees=FeeParams(Ppm(450), Ppm(150), Ppm(500_000), Ppm(300_000)),
    liquidation=LiquidationParams(MicroUsd(100_000 * USD), Ppm(200_000), 30_000, Ppm(10_000), Ppm(666_667)),
    limits=LimitParams(1_000, 10, 10, 20, 100, 100),
    dialects=DialectParams(hyperliquid_owners=True),
)


def signed(key: SigningKey, intent: Intent) -> tuple[UserAction, Address]:
    """A user input and its signer."""
    return user_action(intent, key.sign(intent_digest(DOMAIN, intent))), key.address


def deposit(index: int, key: SigningKey, amount: int, asset: AssetId = USDC) -> tuple[DepositSeen, Address]:
    """A deposit of the queue's item `index`."""
    return DepositSeen(index, key.address, asset, AssetUnits(amount)), ZERO_ADDRESS


def report(key: SigningKey, time: int, prices: Sequence[int]) -> tuple[OracleReport, Address]:
    """A publisher's report: micro-USDC per unit, by index from 1."""
    lines = tuple(
        IndexPrice(IndexId(number), MicroPrice(price), MicroPrice(0)) for number, price in enumerate(prices, 1)
    )
    return OracleReport(TimeMs(time), lines, key.sign(report_digest(DOMAIN, TimeMs(time), lines))), key.address


def order(market_id: int, side: Side, price: int, size: int, client_id: int = 0, tif: TimeInForce = TimeInForce.GTC) -> OrderSpec:
    """A limit order."""
    return OrderSpec(
        MarketId(market_id), side, OrderType.LIMIT, tif, Price(price), Lots(size), reduce_only=False,
        client_id=client_id, self_trade=SelfTrade.EXPIRE_MAKER,
    )  # fmt: skip


class Trace:
    """An endless repeatable stream of inputs: deposits and prices first, then trading, transfers, withdrawals and nonsense."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._nonces = dict.fromkeys(range(len(TRADERS)), START_MS)
        self._prices = [60_000 * USD, 3_000 * USD]
        self._deposits = 0
        self._count = 0

    def next(self, now: int) -> tuple[Input, Address]:
        """One more input at time `now`."""
        self._count += 1
        if self._deposits < len(TRADERS):
            self._deposits += 1
            return deposit(self._deposits - 1, TRADERS[self._deposits - 1], 1_000_000 * USD)
        if self._count <= len(TRADERS) + len(PUBLISHERS) or self._random.random() < 0.1:
            self._prices = [price + price * self._random.randint(-20, 20) // 10_000 for price in self._prices]
            return report(self._random.choice(PUBLISHERS), now, self._prices)
        return self._action()

    def _action(self) -> tuple[Input, Address]:
        rng = self._random
        who = rng.randrange(len(TRADERS))
        key = TRADERS[who]
        self._nonces[who] += rng.choice([1, 1, 1, 1, 0])  # Some are replays.
        head = (key.address, self._nonces[who], TimeMs(0))
        kind = rng.random()
        if kind < 0.7:
            return signed(key, PlaceOrder(*head, self._order()))
        if kind < 0.8:
            return signed(key, PlaceOrders(*head, tuple(self._order() for _ in range(rng.randint(1, 5)))))
        if kind < 0.9:
            return signed(key, CancelByClientId(*head, rng.randint(1, 50)))
        if kind < 0.93:
            return signed(key, CancelAll(*head, MarketId(0)))
        amount = AssetUnits(rng.randint(0, 100) * USD)
        if kind < 0.97:
            return signed(key, Transfer(*head, rng.choice(TRADERS).address, USDC, amount))
        return signed(key, Withdraw(*head, key.address, USDC, amount))

    def _order(self) -> OrderSpec:
        rng = self._random
        market_id = rng.choice([1, 2])
        tick = 10 ** (1 if market_id == 1 else 2)  # Whole USDC.
        whole = self._prices[market_id - 1] // USD + rng.randint(-10, 10)
        size = rng.randint(1, 2_000)
        return order(market_id, rng.choice(list(Side)), whole * tick, size, rng.choice([0, rng.randint(1, 50)]))


class InPlace(Executor):
    """Runs a job in the caller's thread, so that a run is one sequence of steps."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN201
        """Run now."""
        future: Future[object] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        return future


class Held(Executor):
    """Keeps jobs until `let_go`, as a slow disk does."""

    def __init__(self) -> None:
        self.jobs: deque[tuple[Future[object], Callable[[], object]]] = deque()

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN201
        """Keep it."""
        future: Future[object] = Future()
        self.jobs.append((future, lambda: fn(*args, **kwargs)))
        return future

    def let_go(self) -> None:
        """Run the oldest job."""
        future, job = self.jobs.popleft()
        try:
            future.set_result(job())
        except StoreFailed as error:
            future.set_exception(error)


class Log(Listener):
    """Remembers everything it is told."""

    def __init__(self) -> None:
        self.inputs: list[ReleasedInput] = []
        self.headers: list[BatchHeader] = []

    def released(self, inputs: Sequence[ReleasedInput]) -> None:
        """Keep them."""
        self.inputs.extend(inputs)

    def sealed(self, header: BatchHeader) -> None:
        """Keep it."""
        self.headers.append(header)


SETTINGS = SequencerSettings(cycle_inputs_max=7, batch_inputs_max=60, tick_ms=5, write_pause_ms=0)


class Node:
    """A sequencer over a MemoryDisk, restarted at will."""

    def __init__(
        self,
        disk: MemoryDisk,
        clock: Clock | None = None,
        settings: SequencerSettings = SETTINGS,
        executor: Callable[[str], Executor] = lambda _name: InPlace(),
    ) -> None:
        self.store: Store = open_memory(disk, PARAMS.digest())
        self.log = Log()
        self.recovered: Recovered = recover(self.store, PARAMS, DOMAIN, on_cycle=self.log.released)
        self.clock = clock or FakeClock(START_MS)
        self.metrics = Metrics()
        self.sequencer = Sequencer(
            self.recovered, self.store, Identity(OPERATOR, DOMAIN), self.clock, settings, self.metrics, executor
        )
        self.sequencer.add_listener(self.log)
