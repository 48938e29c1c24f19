"""A small venue on the real rule book, with limits low enough that tests reach them, and views of its state for comparison.

`full_rows` encodes every leaf there is, whatever is marked as touched: comparing it with what seals collected shows a forgotten mark.
`portrait` spells out derived fields too: a restored state must have the same portrait as the live one.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from node.core.apply import apply
from node.core.audit import audit
from node.core.commit.forest import Forest, LeafRow, SealLeaves
from node.core.commit.kept import encode_kept
from node.core.commit.leaves import encode_venue_account
from node.core.commit.restore import restore
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.liquidation import work
from node.core.outcome import Applied, Outcome
from node.core.params import (
    AssetParams,
    BreakerParams,
    DepthParams,
    DialectParams,
    FeeParams,
    FeeTierParams,
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
    VolatilityParams,
    WithdrawalParams,
)
from node.core.schedule import due_inputs
from node.core.state import BookSide, Ladder, State, TriggerStatus
from node.core.twap.schedule import time_of
from proto.hl.actions import HlL1Request, HlRequest, HlUserRequest
from proto.ids import BTC, ETH, USDC, ZERO_ADDRESS, Address, AssetId, IndexId, MarketId, Seq
from proto.inputs import (
    DepositSeen,
    Dialect,
    IndexPrice,
    Input,
    OracleReport,
    RevokePublisher,
    SealTick,
    Stamp,
    UserAction,
    hl_action,
)
from proto.intents import Intent
from proto.ledger import Roots, Section
from proto.units import AMOUNT_MAX, AssetUnits, MicroPrice, MicroUsd, Ppm, TimeMs

USD = 1_000_000
START_MS = 1_700_000_000_000
ALPHA, BETA, GAMMA = MarketId(1), MarketId(2), MarketId(3)


def address(number: int) -> Address:
    """An address for tests: one byte, repeated."""
    return Address(bytes([number]) * 20)


PUBLISHERS = tuple(address(200 + number) for number in range(3))


def market(number: int, name: str, size_decimals: int, tiers: tuple[TierParams, ...], **changes: int) -> MarketParams:
    """A perpetual on the index of the same number: no band, no minimum, no cap, unless `changes` says so."""
    return MarketParams(
        MarketId(number), name, IndexId(number), size_decimals, tiers, Ppm(500_000),
        band_ppm=Ppm(changes.get("band_ppm", 0)), mark_band_ppm=Ppm(50_000),
        minimum_notional=MicroUsd(changes.get("minimum_notional", 0)),
        open_interest_cap=MicroUsd(changes.get("open_interest_cap", 0)),
        impact_notional=MicroUsd(1_000 * USD), order_cap=changes.get("order_cap", 100),
    )  # fmt: skip


def tiers(*rows: tuple[int, int]) -> tuple[TierParams, ...]:
    """Tiers from (lower notional in USD, leverage)."""
    return tuple(TierParams(MicroUsd(lower * USD), leverage) for lower, leverage in rows)


PARAMS = Params(
    "test",
    31337,
    (
        AssetParams(USDC, "USDC", 6, AssetUnits(AMOUNT_MAX)),
        AssetParams(ETH, "ETH", 9, AssetUnits(AMOUNT_MAX), IndexId(2), Ppm(850_000), Ppm(900_000), Ppm(10_000)),
        AssetParams(BTC, "BTC", 8, AssetUnits(AMOUNT_MAX), IndexId(3), Ppm(880_000), Ppm(930_000), Ppm(2_000)),
    ),
    (IndexParams(IndexId(1), "A"), IndexParams(IndexId(2), "B"), IndexParams(IndexId(3), "G")),
    (
        market(
            1, "ALPHA-PERPETUAL", 0, tiers((0, 10), (100_000, 5)),
            band_ppm=100_000, minimum_notional=10 * USD, open_interest_cap=1_000_000 * USD, order_cap=6,
        ),
        market(2, "BETA-PERPETUAL", 2, tiers((0, 20))),
        market(3, "GAMMA-PERPETUAL", 6, tiers((0, 40), (50_000, 20), (500_000, 10))),
    ),
    tuple(PublisherParams(key, 1) for key in PUBLISHERS),
    OracleParams(2, 5_000, 5_000, Ppm(20_000), Ppm(10_000), 60_000, 600_000),
    FundingParams(5_000, 3_600_000, 10**8, 5 * 10**8, 4 * 10**10, 150_000),
    MarginParams(Ppm(200_000), Ppm(80_000), Ppm(980_000), Ppm(1_200_000), Ppm(25_000)),
    FeeParams(
        Ppm(450), Ppm(150), Ppm(500_000), Ppm(300_000),
        tiers=(
            FeeTierParams(MicroUsd(10_000 * USD), Ppm(400), Ppm(120)),
            FeeTierParams(MicroUsd(100_000 * USD), Ppm(240), Ppm(-20)),
        ),
    ),
    LiquidationParams(MicroUsd(20_000 * USD), Ppm(200_000), 30_000, Ppm(15_000), Ppm(666_667)),
    LimitParams(55, 2, 2, 2, 8, 3, 9, 2),
    DialectParams(hyperliquid_owners=True),
)  # fmt: skip


GUARDED = replace(
    PARAMS,
    markets=(replace(PARAMS.markets[0], position_cap=MicroUsd(6_000 * USD)), *PARAMS.markets[1:]),
    oracle=replace(PARAMS.oracle, jump_ppm=Ppm(500_000)),
    breakers=BreakerParams(Ppm(100_000), 60_000, 30_000, Ppm(200_000), 300_000, Ppm(20_000), 60_000),
    volatility=VolatilityParams(3_000_000),
    depth=DepthParams(Ppm(10_000)),
    withdrawals=WithdrawalParams(Ppm(10_000), MicroUsd(1_000 * USD), Ppm(100_000), MicroUsd(3_000 * USD), 60_000),
)
"""The same with everything on that guards a venue: breakers, bands of reports, volatility, depth, limits of withdrawals."""


class Venue:
    """A state, the inputs that led to it, and the trees of its seals."""

    def __init__(self, params: Params = PARAMS) -> None:
        self.params = params
        self.state = genesis_state(params)
        self.now = START_MS
        self.journal: list[tuple[Stamp, Input, Address]] = []
        self.forest = Forest()
        self.rows: dict[tuple[Section, int], LeafRow] = {}
        self.system = b""

    def apply_unaudited(self, item: Input, signer: Address = ZERO_ADDRESS) -> Outcome:
        """Stamp and apply one input."""
        stamp = Stamp(Seq(self.state.seq + 1), TimeMs(self.now))
        outcome = apply(self.state, stamp, item, signer)
        self.journal.append((stamp, item, signer))
        return outcome

    def apply(self, item: Input, signer: Address = ZERO_ADDRESS) -> Outcome:
        """Stamp and apply one input, then audit."""
        outcome = self.apply_unaudited(item, signer)
        audit(self.state)
        return outcome

    def act(self, intent: Intent | HlRequest, signer: Address | None = None) -> Outcome:
        """Apply an action as signed by `signer`, or by the account itself, then audit."""
        outcome = self.act_unaudited(intent, signer)
        audit(self.state)
        return outcome

    def act_unaudited(self, intent: Intent | HlRequest, signer: Address | None = None) -> Outcome:
        """Apply an action as signed by `signer`, or by the account itself."""
        if isinstance(intent, HlL1Request | HlUserRequest):
            assert signer is not None, "these actions do not name an account"
            return self.apply_unaudited(hl_action(intent, bytes(65)), signer)
        action = UserAction(Dialect.NATIVE, b"", bytes(65), intent)  # The core reads the intent, not its bytes.
        return self.apply_unaudited(action, intent.account if signer is None else signer)

    def deposit(self, owner: Address, amount: int, asset: AssetId = USDC) -> Outcome:
        """The next deposit of the L1 queue, in ledger units."""
        return self.apply(DepositSeen(self.state.queue_cursor, owner, asset, AssetUnits(amount)))

    def report(self, publisher: Address, index: int, price: int, time: int | None = None) -> Outcome:
        """One publisher's price in micro-USDC."""
        line = IndexPrice(IndexId(index), MicroPrice(price), MicroPrice(0))
        return self.apply(OracleReport(TimeMs(self.now if time is None else time), (line,), bytes(65)), publisher)

    def revoke(self, publisher: Address, voter: Address, time: int | None = None) -> Outcome:
        """A publisher's vote against a publisher."""
        return self.apply(RevokePublisher(publisher, TimeMs(self.now if time is None else time), bytes(65)), voter)

    def price(self, index: int, price: int) -> None:
        """All publishers report a price in micro-USDC, one millisecond from now."""
        self.now += 1
        for publisher in PUBLISHERS:
            self.report(publisher, index, price)

    def tick(self) -> list[Outcome]:
        """Apply what is due now, as the sequencer would in one cycle."""
        return [self.apply(item) for item in due_inputs(self.state, self.now)]

    def seal(self) -> Roots:
        """Close the batch; check that what was touched is what changed and that trees grow as they would from nothing."""
        assert isinstance(self.apply(SealTick(self.state.batch_id + 1)), Applied)
        leaves = collect(self.state)
        for row in leaves.rows:
            if row.leaf:
                self.rows[row.section, row.key] = row
            else:
                self.rows.pop((row.section, row.key), None)
        self.system = leaves.system
        roots = self.forest.update(leaves)
        held = {key: row for key, row in self.rows.items() if key[0] != Section.WITHDRAWALS}
        assert held == full_rows(self.state), "a leaf changed without being touched"
        return roots

    def restored(self) -> State:
        """The state that a restart would have after the last seal; its trees must have the same root."""
        rows = list(self.rows.values())
        state, forest = restore(self.params, reversed(rows), self.system)
        assert forest.roots(self.system) == self.forest.roots(self.system)
        return state


def replay(params: Params, journal: Iterable[tuple[Stamp, Input, Address]]) -> State:
    """Genesis and the same inputs again."""
    state = genesis_state(params)
    for stamp, item, signer in journal:
        apply(state, stamp, item, signer)
    return state


def full_leaves(state: State) -> SealLeaves:
    """Every leaf but the withdrawals', encoded anew; the marks of the next seal stay as they are."""
    marks, withdrawals = state.touched, state.withdrawals
    state.touched = tuple({} for _ in Section)
    state.withdrawals = []
    keys: dict[Section, Iterable[int]] = {
        Section.ACCOUNTS: state.accounts, Section.ORDERS: state.slots, Section.MARKETS: state.markets,
        Section.VENUE_ACCOUNTS: [account.id for account in state.accounts.values() if encode_venue_account(account)],
        Section.VAULTS: state.vaults,
        Section.VENUE_MARKETS: state.markets, Section.VENUE_INDICES: state.indices,
        Section.VENUE_WORK: [0, 1, *(2 + slot for slot in state.work)],
        Section.VENUE_TRIGGERS: state.waiting_slots,
    }  # fmt: skip
    for section, numbers in keys.items():
        state.touched[section].update(dict.fromkeys(numbers))
    leaves = collect(state)
    state.touched, state.withdrawals = marks, withdrawals
    return leaves


def full_rows(state: State) -> dict[tuple[Section, int], LeafRow]:
    """Every leaf but the withdrawals', by section and key."""
    return {(row.section, row.key): row for row in full_leaves(state).rows}


def full_root(state: State) -> bytes:
    """State root from every leaf, as if all had been touched; of withdrawals only those since the last seal count."""
    leaves = full_leaves(state)
    forest = Forest()
    forest.load(LeafRow(Section.WITHDRAWALS, index, leaf, b"") for index, leaf in state.withdrawals)
    return forest.update(leaves).state_root()


def queue(side: BookSide) -> list[tuple[int, int, int, list[tuple[int, int, int]]]]:
    """A book side, best first: price, lots, orders, and per order its id, remaining lots and priority."""
    levels = []
    for key in reversed(side.keys):
        level, orders = side.levels[key], []
        order = level.head
        while order is not None:
            orders.append((int(order.id), int(order.remaining), order.priority))
            if order.after is not None:
                assert order.after.before is order
            order = order.after
        levels.append((int(level.price), level.lots, level.orders, orders))
    assert sorted(side.levels) == side.keys
    return levels


def portrait(state: State) -> dict[str, Any]:
    """Everything that `apply` reads, derived fields included, in an order of its own. The risk index is left out: see its test."""
    accounts = {
        account.id: (
            account.address, account.master, account.payee, account.cash, dict(sorted(account.balances.items())),
            [_position(account.positions[number], state) for number in sorted(account.positions)],
            sorted((s.address, s.is_agent, s.valid_until, s.scope, s.name, s.markets, tuple(s.nonces)) for s in account.signers),
            sorted(account.orders), sorted(account.triggers), sorted(account.twaps),
            {client: order.id for client, order in sorted(account.clients.items())},
            account.sub_accounts, account.cancel_at, encode_kept(account),
            account.borrow_index,
            sorted((number, s.leverage, s.isolated) for number, s in account.settings.items()),
        )
        for account in state.accounts.values()
    }  # fmt: skip
    assert list(accounts) == sorted(accounts)
    return {
        "accounts": accounts,
        "books": {number: (queue(m.bids), queue(m.asks)) for number, m in state.markets.items()},
        "slots": {slot: order.id for slot, order in sorted(state.slots.items())},
        "free": sorted(state.free_slots),
        "orders": sorted(state.orders),
        "expiries": sorted(dict.fromkeys(entry for entry in state.expiries if is_open(state, entry[1]))),
        "waiting": {slot: trigger.id for slot, trigger in sorted(state.waiting_slots.items())},
        "slices": sorted({entry for entry in state.twap_times if is_next_slice(state, entry)}),
        "next slice": state.twap_times[0] if state.twap_times else None,
        "next waiting slot": min(state.free_waiting_slots, default=len(state.waiting_slots)),
        "ladders": {number: (rungs(state, m.rises), rungs(state, m.falls)) for number, m in state.markets.items()},
        "children": {parent: sorted(rows) for parent, rows in sorted(state.children.items())},
        "groups": {group: sorted(rows) for group, rows in sorted(state.groups.items())},
        "bound": {key: sorted(rows) for key, rows in sorted(state.bound.items())},
        "cancel times": sorted(dict.fromkeys(e for e in state.cancel_times if state.accounts[e[1]].cancel_at == e[0])),
        "next cancel": state.cancel_times[0] if state.cancel_times else None,
        "next expiry": state.expiries[0] if state.expiries else None,
        "protected": sorted(state.protected),
        "by_address": dict(sorted(state.by_address.items())),
        "agents": {key: signer.account for key, signer in sorted(state.agents.items())},
        "liquidating": sorted(state.liquidating), "unwinding": sorted(state.unwinding), "leaving": sorted(state.leaving),
        "work": [(item.not_before, item.number, item.slot) for item in work.queue(state)],
        "next work": state.work_heap[0] if state.work_heap else None, "free work": sorted(state.free_work),
        "leaves": full_leaves(state),
    }


def is_open(state: State, number: Any) -> bool:
    """Whether an order rests or a trigger waits under this id."""
    return number in state.orders or (number in state.triggers and state.triggers[number].status != TriggerStatus.FIRED)


def is_next_slice(state: State, entry: Any) -> bool:
    """Whether a time-sliced order has its next slice then."""
    return entry[1] in state.twaps and time_of(state.twaps[entry[1]]) == entry[0]


def rungs(state: State, ladder: Ladder) -> Any:
    """Live entries of a ladder, and its queued work."""
    armed = [e for e in ladder.armed if e[1] in state.triggers and state.triggers[e[1]].status == TriggerStatus.ARMED]
    late = [e for e in ladder.late if e[2] in state.triggers and state.triggers[e[2]].status == TriggerStatus.ARMED]
    return sorted(armed), late, [(item.level, item.seq) for item in ladder.items]


def _position(position: Any, state: State) -> tuple[int, ...]:
    """A position's numbers; without a size its funding index is no part of the state."""
    return (
        position.market, position.size, position.entry, position.funding_index if position.size else 0,
        position.buy_lots, position.buy_value, position.sell_lots, position.sell_value,
        position.reduce_buys, position.reduce_sells, position.orders, position.isolated, position.isolated_cash,
        position.loss_index if position.size else 0,
    )  # fmt: skip
