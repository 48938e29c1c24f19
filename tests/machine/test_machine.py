"""The whole rule book under random inputs: money conserved, refusals without effect, replay and restore equal, index as good as a scan.

Three states take every input: the live one, one that is restored from leaves at random seals, and one whose risk index is dropped
before every input, so that it looks at all accounts. Their outcomes must never differ.
"""

from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from node.core.apply import apply
from node.core.audit import audit
from node.core.book.protection import is_frozen
from node.core.genesis import genesis_state
from node.core.hl.resolve import acted_for
from node.core.ledger.signers import find_signer
from node.core.outcome import Applied, Outcome, Rejected
from node.core.schedule import due_inputs
from node.core.state import State, TriggerStatus
from node.core.vaults.shares import VIRTUAL, equity_of
from node.gateway.hl.fmt import fixed
from proto.canonical import unpack
from proto.events import BreakerCause, CloseReason, MarketStatus
from proto.hl.actions import HlL1Request, HlModify, HlOrder, HlTarget, HlTif
from proto.hl.decimals import normal
from proto.ids import (
    BACKSTOP_VAULT,
    BTC,
    ETH,
    INSURANCE_ADDRESS,
    USDC,
    ZERO_ADDRESS,
    Address,
    AssetId,
    IndexId,
    MarketId,
    OrderId,
    VaultId,
    share_asset,
    sub_account_address,
)
from proto.inputs import (
    DepositSeen,
    Dialect,
    FundingTick,
    IndexPrice,
    Input,
    OracleReport,
    QueueItemSeen,
    RevokePublisher,
    SampleTick,
    UserAction,
    WorkTick,
    hl_action,
)
from proto.intents import (
    AmendOrder,
    ApproveAgent,
    BuyCollateral,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelTwap,
    CreateSubAccount,
    Grouping,
    Intent,
    NameAccount,
    OrderSpec,
    OrderType,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceTwap,
    ResetProtection,
    RevokeAgent,
    ScheduleCancel,
    SelfTrade,
    SetLeverage,
    SetProtection,
    Side,
    TakeOver,
    TimeInForce,
    Transfer,
    TriggerKind,
    TriggerSpec,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
    encode_intent,
)
from proto.ledger import Section
from proto.units import AssetUnits, Lots, MicroPrice, Ppm, Price, TimeMs
from tests.core.venue import GUARDED, PARAMS, PUBLISHERS, START_MS, USD, Venue, address, full_leaves, portrait, replay

OWNERS = tuple(address(number) for number in range(1, 5))
SUBS = tuple(sub_account_address(owner, 0) for owner in OWNERS[:2])
AGENTS = tuple(address(number) for number in range(50, 53))
ACCOUNTS = OWNERS + SUBS
INDEX_USD = {1: 100, 2: 2_000, 3: 50_000}  # Where each index starts.

owners = st.sampled_from(OWNERS)
accounts = st.sampled_from(ACCOUNTS)
markets = st.sampled_from([1, 1, 1, 2, 3])
client_ids = st.integers(0, 6)


class VenueMachine(RuleBasedStateMachine):
    """A few people, all that they can do, and the world around them."""

    params = PARAMS

    def __init__(self) -> None:
        super().__init__()
        self.venue = Venue(self.params)
        self.restored = genesis_state(self.params)
        self.scanned = genesis_state(self.params)
        self.nonces = 0
        self.now = START_MS

    # The three states.

    def step(self, item: Input, signer: Address = ZERO_ADDRESS) -> Outcome:
        self.venue.now = self.now
        live = self.venue.state
        before = full_leaves(live)
        interest = {number: market.open_interest for number, market in live.markets.items()}
        outcome = self.venue.apply(item, signer)
        for number, market in live.markets.items():
            cap = market.params.open_interest_cap
            if cap and market.open_interest > interest[number]:
                assert market.open_interest * market.mark <= cap, "no fill passes the cap, whoever rested"
        stamp = self.venue.journal[-1][0]
        self.scanned.risk.stale = dict.fromkeys(self.scanned.accounts)
        for name, twin in (("restored", self.restored), ("scanned", self.scanned)):
            assert apply(twin, stamp, item, signer) == outcome, f"the {name} state takes {item} another way"
            assert twin.ops == live.ops, name
            twin.ops = []
        live.ops = []
        if isinstance(outcome, Rejected):
            self.only_the_nonce_changed(before, live, item, signer)
        return outcome

    def only_the_nonce_changed(self, before: Any, live: State, item: Input, signer: Address) -> None:
        after = full_leaves(live)
        assert before.system[64:] == after.system[64:]
        known = (
            find_signer(live, acted_for(live, item.intent, signer), signer) if isinstance(item, UserAction) else None
        )
        owner = known[1].account if isinstance(known, tuple) else 0
        assert len(before.rows) == len(after.rows)
        for old, new in zip(before.rows, after.rows, strict=True):
            if old.section == Section.ACCOUNTS and old.key == owner:
                assert (old.leaf[:64], old.leaf[96:]) == (new.leaf[:64], new.leaf[96:])
                assert [row[:6] for row in unpack(old.aux)] == [row[:6] for row in unpack(new.aux)]
            else:
                assert old == new

    def act(self, intent: Intent, signer: Address) -> Outcome:
        return self.step(UserAction(Dialect.NATIVE, encode_intent(intent), bytes(65), intent), signer)

    def head(self, account: Address) -> dict[str, Any]:
        self.nonces += 1
        return {"account": account, "nonce": self.now + self.nonces % 1_000, "expires_after": TimeMs(0)}

    @initialize(fund=st.sampled_from([0, 300, 20_000]))
    def open(self, fund: int) -> None:
        for index, usd in INDEX_USD.items():
            for publisher in PUBLISHERS:
                self.report(publisher, index, usd * USD)
        for owner in OWNERS:
            self.deposit(owner, 20_000 * USD, USDC)
        if fund:
            self.deposit(INSURANCE_ADDRESS, fund * USD, USDC)
        for number, owner in enumerate(OWNERS[:2]):
            self.deposit(SUBS[number], 20_000 * USD, USDC)
            self.act(CreateSubAccount(**self.head(owner), index=0), owner)
            self.act(
                ApproveAgent(**self.head(owner), agent=AGENTS[number], valid_until=TimeMs(0),
                             scope=1, name=bytes(32)),
                owner,
            )  # fmt: skip

    def signer_of(self, account: Address, *, by_agent: bool) -> Address:
        owner = OWNERS[SUBS.index(account)] if account in SUBS else account
        if by_agent and owner in OWNERS[:2]:
            return AGENTS[OWNERS.index(owner)]
        return owner

    # Users.

    @rule(data=st.data(), account=accounts, market=markets, side=st.sampled_from(Side), by_agent=st.booleans())
    def place(self, data: st.DataObject, account: Address, market: int, side: Side, *, by_agent: bool) -> None:
        spec = data.draw(self.orders(market, side))
        self.act(PlaceOrder(**self.head(account), order=spec), self.signer_of(account, by_agent=by_agent))

    @rule(
        account=accounts, market=markets, bid=st.integers(-3, 3), size=st.integers(1, 12_000), levels=st.integers(1, 4)
    )
    def quote(self, account: Address, market: int, bid: int, size: int, levels: int) -> None:
        orders = [
            self.spec(market, side, bid + sign * (level + 1), size, TimeInForce.GTC)
            for level in range(levels)
            for side, sign in ((Side.BUY, -1), (Side.SELL, 1))
        ]
        self.act(PlaceOrders(**self.head(account), orders=tuple(orders)), self.signer_of(account, by_agent=False))

    @rule(
        maker=accounts, taker=accounts, market=markets, side=st.sampled_from(Side), percent=st.integers(-4, 4),
        leverage=st.sampled_from([1, 4, 7, 7, 7, 15, 18]), reduce_only=st.sampled_from([False, False, True]),
    )  # fmt: skip
    def trade(
        self, maker: Address, taker: Address, market: int, side: Side, percent: int, leverage: int, *, reduce_only: bool
    ) -> None:
        """Two people meet, often with all the leverage they have."""
        self.all_report(market, 0, 10)
        rest = self.spec(market, side, percent, leverage * 20_000, TimeInForce.GTC, reduce_only=reduce_only)
        take = self.spec(market, Side(1 - side), percent, leverage * 20_000, TimeInForce.IOC)
        self.act(PlaceOrder(**self.head(maker), order=rest), self.signer_of(maker, by_agent=False))
        self.act(PlaceOrder(**self.head(taker), order=take), self.signer_of(taker, by_agent=True))

    def spec(self, market: int, side: Side, percent: int, usd: int, tif: TimeInForce, **more: Any) -> OrderSpec:
        """An order for about `usd`, so many percent from the mark, on tick."""
        known = self.venue.state.markets[MarketId(market)]
        mark = known.mark or 1
        price = max(mark * (100 + percent) // 100, 1)
        excess = 10 ** max(len(str(price)) - 5, 0)
        price = max(price - price % excess, 1)
        lots = max(usd * USD // mark, 1)
        return OrderSpec(
            MarketId(market), side, more.get("order_type", OrderType.LIMIT), tif, Price(price), Lots(lots),
            more.get("reduce_only", False), more.get("client_id", 0), more.get("self_trade", SelfTrade.EXPIRE_MAKER),
            TimeMs(self.now + more["good_for"] if more.get("good_for") else 0),
        )  # fmt: skip

    def orders(self, market: int, side: Side) -> st.SearchStrategy[OrderSpec]:
        return st.builds(
            lambda percent, usd, tif, order_type, reduce_only, client_id, self_trade, good_for: self.spec(
                market, side, percent, usd, tif, order_type=order_type, reduce_only=reduce_only, client_id=client_id,
                self_trade=self_trade, good_for=good_for,
            ),
            st.integers(-12, 12),
            st.one_of(st.integers(1, 30_000), st.integers(30_000, 300_000)),
            st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, *TimeInForce]),
            st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET]),
            st.sampled_from([False, False, True]),
            client_ids,
            st.sampled_from(SelfTrade),
            st.sampled_from([0, 0, -1, 1, 400, 2_500, 60_000]),
        )  # fmt: skip

    @rule(data=st.data(), account=accounts, percent=st.integers(-10, 10), lots=st.integers(0, 400))
    def amend(self, data: st.DataObject, account: Address, percent: int, lots: int) -> None:
        number = data.draw(self.order_ids())
        order = self.venue.state.orders.get(number)
        if order is None or data.draw(st.booleans()):
            client_id, number, price = data.draw(client_ids), OrderId(0), Price(100)
        else:
            account = self.venue.state.accounts[order.account].address if data.draw(st.integers(0, 9)) else account
            client_id, price = 0, self.spec(order.market, order.side, percent, 1, TimeInForce.GTC).price
            if data.draw(st.booleans()):
                price = order.price
        self.act(
            AmendOrder(**self.head(account), order_id=number, client_id=client_id, price=price, size=Lots(lots)),
            self.signer_of(account, by_agent=False) if account in ACCOUNTS else account,
        )

    @rule(
        data=st.data(), percent=st.integers(-10, 10), lots=st.integers(0, 30_000), tif=st.sampled_from(HlTif),
        reduce_only=st.sampled_from([False, False, True]), cloid=client_ids, flip=st.sampled_from([False] * 5 + [True]),
    )  # fmt: skip
    def replace_order(
        self, data: st.DataObject, percent: int, lots: int, tif: HlTif, cloid: int, *, reduce_only: bool, flip: bool
    ) -> None:
        """Modify in the dialect that gives a new id."""
        order = self.venue.state.orders.get(data.draw(self.order_ids()))
        if order is None:
            return
        account = self.venue.state.accounts[order.account].address
        if account not in ACCOUNTS:
            return
        decimals = self.venue.state.markets[order.market].params.size_decimals
        price = self.spec(order.market, order.side, percent, 1, TimeInForce.GTC).price
        wanted = HlOrder(
            order.market - 1, (order.side == Side.BUY) != flip, normal(fixed(price, 6 - decimals)),
            normal(fixed(lots, decimals)), reduce_only, tif, cloid,
        )  # fmt: skip
        self.nonces += 1
        request = HlL1Request(
            HlModify(((HlTarget(order.id, 0), wanted),), batch=False), self.now + self.nonces, account, TimeMs(0)
        )
        self.step(hl_action(request, bytes(65)), self.signer_of(account, by_agent=False))

    @rule(
        data=st.data(), account=accounts, market=markets, grouping=st.sampled_from(Grouping), count=st.integers(1, 3),
        side=st.sampled_from(Side), by_agent=st.booleans(),
    )  # fmt: skip
    def wait_for_the_mark(
        self,
        data: st.DataObject,
        account: Address,
        market: int,
        grouping: Grouping,
        count: int,
        side: Side,
        *,
        by_agent: bool,
    ) -> None:
        """Triggers alone and in groups, some of which are none."""
        orders, triggers = [], []
        if grouping in (Grouping.CHILDREN, Grouping.PAIR) and data.draw(st.booleans()):
            orders.append(data.draw(self.orders(market, side)))
        for at in range(count):
            way = Side(1 - side) if grouping == Grouping.CHILDREN and (orders or at) else side
            triggers.append(data.draw(self.triggers(market, way, reduce_only=grouping == Grouping.POSITION)))
        action = PlaceGroup(**self.head(account), grouping=grouping, orders=tuple(orders), triggers=tuple(triggers))
        self.act(action, self.signer_of(account, by_agent=by_agent))

    def triggers(self, market: int, side: Side, *, reduce_only: bool) -> st.SearchStrategy[TriggerSpec]:
        """Mostly on the right side of the mark, mostly near it."""

        def build(
            kind: TriggerKind, off: int, usd: int, client_id: int, good_for: int, *, is_market: bool, wrong: bool
        ) -> TriggerSpec:
            above = (kind == TriggerKind.STOP) == (side == Side.BUY)
            percent = off if above != wrong else -off
            level = self.spec(market, side, percent, 1, TimeInForce.GTC).price
            order = self.spec(
                market, side, percent + (1 if side == Side.BUY else -1), usd,
                TimeInForce.IOC if is_market else TimeInForce.GTC,
                order_type=OrderType.MARKET if is_market else OrderType.LIMIT, reduce_only=reduce_only or usd % 2 == 0,
                client_id=client_id, good_for=good_for,
            )  # fmt: skip
            return TriggerSpec(kind, level, replace(order, size=Lots(0)) if reduce_only and usd % 3 == 0 else order)

        return st.builds(
            build, st.sampled_from(TriggerKind), st.integers(1, 9), st.integers(1, 40_000), client_ids,
            st.sampled_from([0, 0, 0, 3_000]), is_market=st.booleans(), wrong=st.sampled_from([False] * 9 + [True]),
        )  # fmt: skip

    @rule(
        account=accounts, other=accounts, market=markets, side=st.sampled_from(Side), percent=st.integers(-9, 9),
        work=st.integers(0, 4), position=st.booleans(),
    )  # fmt: skip
    def bracket(
        self, account: Address, other: Address, market: int, side: Side, percent: int, work: int, *, position: bool
    ) -> None:
        """An entry with its stop and its take-profit, traded in parts, and a mark that moves."""
        self.all_report(market, 0, 10)
        away = Side(1 - side)
        up = 1 if side == Side.BUY else -1
        legs = [
            TriggerSpec(
                kind, self.spec(market, away, up * off, 1, TimeInForce.GTC).price,
                self.spec(market, away, up * off, 500, TimeInForce.GTC, reduce_only=True),
            )
            for kind, off in ((TriggerKind.TAKE_PROFIT, 4), (TriggerKind.STOP, -4))
        ]  # fmt: skip
        entry = self.spec(market, side, 0, 500, TimeInForce.GTC)
        if position:
            self.act(PlaceOrder(**self.head(account), order=entry), self.signer_of(account, by_agent=False))
        else:
            action = PlaceGroup(**self.head(account), grouping=Grouping.CHILDREN, orders=(entry,), triggers=tuple(legs))
            self.act(action, self.signer_of(account, by_agent=False))
        for part in (150, 350):
            take = self.spec(market, away, 0, part, TimeInForce.IOC)
            self.act(PlaceOrder(**self.head(other), order=take), self.signer_of(other, by_agent=False))
        if position:
            action = PlaceGroup(**self.head(account), grouping=Grouping.POSITION, orders=(), triggers=tuple(legs))
            self.act(action, self.signer_of(account, by_agent=False))
        self.all_report(market, percent, 500)
        self.step(WorkTick(work))

    @rule(
        account=accounts, market=markets, side=st.sampled_from(Side), usd=st.integers(100, 60_000), reduce_only=st.booleans(),
        slippage=st.sampled_from([0, 5_000, 30_000]), stop=st.booleans(), number=st.integers(0, 3),
    )  # fmt: skip
    def slice_over_time(
        self,
        account: Address,
        market: int,
        side: Side,
        usd: int,
        slippage: int,
        number: int,
        *,
        reduce_only: bool,
        stop: bool,
    ) -> None:
        """A time-sliced order begins or is cancelled, and one interval passes."""
        running = sorted(self.venue.state.twaps)
        if stop and running:
            end = CancelTwap(**self.head(account), twap_id=running[number % len(running)])
            self.act(end, self.signer_of(account, by_agent=True))
        else:
            size = self.spec(market, side, 0, usd, TimeInForce.IOC).size
            begin = PlaceTwap(
                **self.head(account), market=MarketId(market), side=side, size=size, reduce_only=reduce_only, seconds=300,
                slippage=Ppm(slippage), price=Price(0),
            )  # fmt: skip
            self.act(begin, self.signer_of(account, by_agent=True))
        self.now += 30_000 * number
        self.all_report(market, 0, 1)
        self.step(WorkTick(3))

    @rule(
        account=accounts, other=accounts, market=markets, quantity=st.integers(0, 40), delta=st.integers(0, 20),
        way=st.integers(0, 4), levels=st.integers(1, 4), take=st.integers(1, 9_000), freeze=st.sampled_from([0, 500]),
    )  # fmt: skip
    def protect(
        self, account: Address, other: Address, market: int, quantity: int, delta: int, way: int, levels: int, take: int,
        freeze: int,
    ) -> None:  # fmt: skip
        """Bounds in lots of about 1,000 USDC; quotes, and somebody who takes some."""
        signer, here = self.signer_of(account, by_agent=False), MarketId(market)
        unit = self.spec(market, Side.BUY, 0, 1_000, TimeInForce.GTC).size
        if way == 0:
            self.act(ResetProtection(**self.head(account), market=here), signer)
        elif way == 1:
            self.act(NameAccount(**self.head(account), name=bytes([97 + levels]).ljust(32, b"\0")), signer)
        else:
            bounds = (1_000 * (way - 2), freeze, quantity * unit, delta * unit)
            self.act(
                SetProtection(
                    **self.head(account),
                    market=here,
                    window_ms=bounds[0],
                    freeze_ms=bounds[1],
                    quantity=bounds[2],
                    delta=bounds[3],
                ),
                signer,
            )
        self.all_report(market, 0, 10)
        self.quote(account, market, 0, 2_000, levels)
        side = Side(take % 2)
        order = self.spec(market, side, 5 if side == Side.BUY else -5, take, TimeInForce.IOC)
        self.act(PlaceOrder(**self.head(other), order=order), self.signer_of(other, by_agent=False))

    def order_ids(self) -> st.SearchStrategy[OrderId]:
        known = sorted([*self.venue.state.orders, *self.venue.state.triggers])
        return st.sampled_from(known) if known else st.just(OrderId(1))

    @rule(data=st.data(), account=accounts, client_id=client_ids)
    def cancel(self, data: st.DataObject, account: Address, client_id: int) -> None:
        signer = self.signer_of(account, by_agent=data.draw(st.booleans()))
        if data.draw(st.booleans()):
            self.act(CancelByClientId(**self.head(account), client_id=client_id), signer)
        else:
            self.act(CancelOrder(**self.head(account), order_id=data.draw(self.order_ids())), signer)

    @rule(account=accounts, ahead=st.sampled_from([0, 100, 4_999, 5_000, 6_000, 40_000]), by_agent=st.booleans())
    def schedule_cancel(self, account: Address, ahead: int, *, by_agent: bool) -> None:
        time = TimeMs(self.now + ahead if ahead else 0)
        self.act(ScheduleCancel(**self.head(account), time=time), self.signer_of(account, by_agent=by_agent))

    @rule(account=accounts, market=st.integers(0, 4))
    def cancel_all(self, account: Address, market: int) -> None:
        self.act(CancelAll(**self.head(account), market=MarketId(market)), self.signer_of(account, by_agent=False))

    @rule(
        account=accounts,
        usd=st.integers(0, 30_000),
        to=accounts,
        asset=st.sampled_from([USDC, USDC, ETH, BTC]),
        out=st.booleans(),
    )
    def move(self, account: Address, usd: int, to: Address, asset: AssetId, *, out: bool) -> None:
        kind: type[Withdraw | Transfer] = Withdraw if out else Transfer
        amount = AssetUnits(usd * USD)
        self.act(
            kind(**self.head(account), destination=to, asset=asset, amount=amount),
            self.signer_of(account, by_agent=False),
        )

    @rule(data=st.data(), owner=owners, agent=st.sampled_from((*AGENTS, OWNERS[0])), account=accounts)
    def paperwork(self, data: st.DataObject, owner: Address, agent: Address, account: Address) -> None:
        """Agents, sub-accounts, nonces, strangers."""
        index = data.draw(st.integers(0, 3))
        match data.draw(st.integers(0, 6)):
            case 0 | 1:
                hours = data.draw(st.integers(0, 60))
                until = TimeMs(self.now + hours * 3_600_000 if hours else 0)
                scope, markets = (
                    data.draw(st.sampled_from([0, 1, 1, 3])),
                    data.draw(st.sampled_from([(), (1,), (1, 3), (9,)])),
                )
                self.act(
                    ApproveAgent(**self.head(owner), agent=agent, valid_until=until, scope=scope, name=bytes(32),
                                 markets=tuple(MarketId(number) for number in markets)),
                    owner,
                )  # fmt: skip
            case 2:
                self.act(RevokeAgent(**self.head(owner), agent=agent), owner)
            case 3:
                self.act(CreateSubAccount(**self.head(owner), index=index), owner)
            case 4:
                self.deposit(sub_account_address(owner, index), 10 * USD, USDC)
            case 5:
                shift = data.draw(st.sampled_from([-200_000_000, -3_000, 0, 90_000_000]))
                late = TimeMs(self.now - 1 if data.draw(st.booleans()) else 0)
                action = CancelAll(account, self.now + shift, late, MarketId(0))
                self.act(action, self.signer_of(account, by_agent=False))
            case _:
                signer = data.draw(st.sampled_from((*AGENTS, address(99), OWNERS[3])))
                claim = Withdraw(**self.head(account), destination=signer, asset=USDC, amount=AssetUnits(1))
                self.act(claim, signer)

    @rule(account=accounts, market=markets, leverage=st.sampled_from([0, 1, 2, 5, 10, 20, 40, 41]))
    def set_leverage(self, account: Address, market: int, leverage: int) -> None:
        chosen = SetLeverage(**self.head(account), market=MarketId(market), leverage=leverage, isolated=False)
        self.act(chosen, self.signer_of(account, by_agent=False))

    @rule(account=accounts, owner=accounts, asset=st.sampled_from([USDC, ETH, BTC]), amount=st.integers(0, 3 * 10**9))
    def buy_collateral(self, account: Address, owner: Address, asset: AssetId, amount: int) -> None:
        wanted = BuyCollateral(**self.head(account), owner=owner, asset=asset, amount=AssetUnits(amount))
        self.act(wanted, self.signer_of(account, by_agent=False))

    # L1, publishers, time.

    def deposit(self, owner: Address, amount: int, asset: AssetId) -> Outcome:
        return self.step(DepositSeen(self.venue.state.queue_cursor, owner, asset, AssetUnits(amount)))

    @rule(owner=st.sampled_from(ACCOUNTS + AGENTS), usd=st.integers(0, 5_000), asset=st.sampled_from([USDC, USDC, ETH, BTC]))
    def deposit_seen(self, owner: Address, usd: int, asset: AssetId) -> None:
        """Of USDC and ETH so many dollars' worth, of BTC up to a thousand times as much."""
        self.deposit(owner, usd * USD if asset == USDC else usd * 10**6 // 2, asset)

    @rule(sender=st.sampled_from(ACCOUNTS + AGENTS), account=accounts, data=st.data())
    def queue_item(self, sender: Address, account: Address, data: st.DataObject) -> None:
        payload = data.draw(
            st.sampled_from(
                [
                    b"", b"\x93\x01\x02\x03",
                    encode_intent(CancelAll(account, 0, TimeMs(0), MarketId(0))),
                    encode_intent(Withdraw(account, 0, TimeMs(0), sender, USDC, AssetUnits(500 * USD))),
                    encode_intent(PlaceOrder(account, 0, TimeMs(0), self.spec(1, Side.SELL, -5, 900, TimeInForce.IOC))),
                ]
            )
        )  # fmt: skip
        self.step(QueueItemSeen(self.venue.state.queue_cursor - data.draw(st.integers(0, 1)), sender, payload))

    def report(self, publisher: Address, index: int, price: int) -> Outcome:
        line = IndexPrice(IndexId(index), MicroPrice(price), MicroPrice(0))
        return self.step(OracleReport(TimeMs(self.now), (line,), bytes(65)), publisher)

    @rule(index=st.integers(1, 3), percent=st.integers(-9, 9), wait=st.integers(1, 2_000))
    def all_report(self, index: int, percent: int, wait: int) -> None:
        self.now += wait
        price = max(self.venue.state.indices[IndexId(index)].price * (100 + percent) // 100, USD)
        for publisher in PUBLISHERS:
            self.report(publisher, index, min(price, 10**13))

    @rule(
        publisher=st.sampled_from((*PUBLISHERS, address(9))), index=st.integers(1, 4), ppm=st.integers(-30_000, 30_000)
    )
    def one_reports(self, publisher: Address, index: int, ppm: int) -> None:
        self.now += 100
        known = self.venue.state.indices.get(IndexId(index))
        self.report(publisher, index, (known.price if known else USD) * (1_000_000 + ppm) // 1_000_000)

    @rule(
        publisher=st.sampled_from((PUBLISHERS[2], PUBLISHERS[2], address(9))), age=st.sampled_from([0, 0, -9_000, 86_400_000]),
        voter=st.sampled_from((*PUBLISHERS, address(9))),
    )  # fmt: skip
    def revoke(self, publisher: Address, voter: Address, age: int) -> None:
        """Only one key is in danger, so that a quorum remains."""
        self.step(RevokePublisher(publisher, TimeMs(self.now - age), bytes(65)), voter)

    @rule(
        wait=st.sampled_from([500, 2_000, 30_000, 3_600_000, 70_000, 700_000, 200_000_000]),
        fresh=st.sampled_from([True, True, False]),
    )
    def time_passes(self, wait: int, *, fresh: bool) -> None:
        self.now += wait
        if fresh:
            for index in INDEX_USD:
                self.all_report(index, 0, 1)
        for item in due_inputs(self.venue.state, self.now):
            self.step(item)

    @rule(item=st.sampled_from([SampleTick(), FundingTick(), WorkTick(1), WorkTick(3), WorkTick(16)]))
    def operator_ticks(self, item: Input) -> None:
        self.step(item)

    @rule(percent=st.sampled_from([-25, -8, -5, -3, 3, 5, 8, 25]), market=markets, account=accounts)
    def crash(self, percent: int, market: int, account: Address) -> None:
        """A jump that liquidates, somebody who bids at once, who buys and sells, and the work that follows."""
        self.all_report(market, percent, 500)
        state = self.venue.state
        for number, _ in sorted(state.liquidating):
            liquidated = state.accounts[number].address
            intent = TakeOver(
                **self.head(account), liquidated=liquidated, market=MarketId(0), share=10**10, worst_price=Ppm(10**6)
            )
            self.act(intent, self.signer_of(account, by_agent=False))
        spread = [
            self.spec(market, side, way, 30_000, TimeInForce.GTC) for side, way in ((Side.BUY, -1), (Side.SELL, 1))
        ]
        self.act(PlaceOrders(**self.head(account), orders=tuple(spread)), self.signer_of(account, by_agent=False))
        for wait in (0, 0, 1_100, 31_000):
            self.now += wait
            self.all_report(market, 0, 1)
            self.step(WorkTick(4))

    @rule(
        pair=st.permutations(ACCOUNTS), market=markets, side=st.sampled_from(Side), leverage=st.integers(4, 9),
        percent=st.sampled_from([-30, -12, -9, -7, -5, 5, 7, 9, 12, 30]), seal=st.booleans(),
    )  # fmt: skip
    def squeeze(self, pair: list[Address], market: int, side: Side, leverage: int, percent: int, *, seal: bool) -> None:
        """As much as margin allows, then a move against one of the two; a third may give the liquidation a price."""
        maker, taker, third, *_ = pair
        self.trade(maker, taker, market, side, 0, leverage, reduce_only=False)
        if seal:
            self.seal(swap=True)
        self.crash(percent, market, third)

    @rule(
        data=st.data(), account=accounts, share=st.sampled_from([0, 1, 10**9, 10**11, 3 * 10**11, 10**12]), by_agent=st.booleans(),
        worst=st.sampled_from([0, 800_000, 980_000, 1_000_000]), market=st.sampled_from([0, 0, 0, 1, 9]),
    )  # fmt: skip
    def bid(self, data: st.DataObject, account: Address, share: int, worst: int, market: int, *, by_agent: bool) -> None:
        """Take over, mostly what is for sale."""
        state = self.venue.state
        offered = [state.accounts[number].address for number, _ in sorted(state.liquidating)]
        liquidated = data.draw(st.sampled_from(offered or list(ACCOUNTS)))
        intent = TakeOver(
            **self.head(account), liquidated=liquidated, market=MarketId(market), share=share, worst_price=Ppm(worst)
        )
        self.act(intent, self.signer_of(account, by_agent=by_agent))

    @rule(account=accounts, usd=st.sampled_from([0, 9, 10, 500, 15_000]), vault=st.sampled_from([1, 1, 1, 2]))
    def join_vault(self, account: Address, usd: int, vault: int) -> None:
        intent = VaultDeposit(**self.head(account), vault=VaultId(vault), amount=AssetUnits(usd * USD))
        self.vault_step(intent, account)

    @rule(account=accounts, part=st.sampled_from([0, 1, 50, 100, 101]), holder=st.sampled_from([True, True, False]))
    def leave_vault(self, account: Address, part: int, *, holder: bool) -> None:
        """In percent of what it has; mostly somebody who has something."""
        shares, state = share_asset(BACKSTOP_VAULT), self.venue.state
        holders = [row.address for row in state.accounts.values() if row.balances.get(shares) and row.address in ACCOUNTS]
        account = holders[0] if holder and holders else account
        number = state.by_address.get(account)
        held = state.accounts[number].balances.get(shares, 0) if number else 0
        intent = VaultWithdraw(**self.head(account), vault=BACKSTOP_VAULT, shares=max(held, 1) * part // 100)
        self.vault_step(intent, account)

    def vault_step(self, intent: Intent, account: Address) -> None:
        """Nobody's share is worth less because somebody came or went."""
        before = self.share_price()
        self.act(intent, self.signer_of(account, by_agent=False))
        after = self.share_price()
        assert after[0] * before[1] >= before[0] * after[1]

    def share_price(self) -> tuple[int, int]:
        vault = self.venue.state.vaults[BACKSTOP_VAULT]
        return equity_of(self.venue.state, vault) + VIRTUAL, vault.total_shares + VIRTUAL

    @rule(rounds=st.integers(1, 6), wait=st.sampled_from([1, 1_001, 10_001, 31_000]))
    def work_hard(self, rounds: int, wait: int) -> None:
        """Whatever is queued goes on, at fresh prices."""
        for _ in range(rounds):
            for index in INDEX_USD:
                self.all_report(index, 0, wait)
            self.step(WorkTick(16))

    @precondition(lambda self: self.venue.state.seq % 3 == 0)
    @rule(swap=st.booleans())
    def seal(self, *, swap: bool) -> None:
        self.venue.now = self.now
        roots = self.venue.seal()
        stamp, item, signer = self.venue.journal[-1]
        for twin in (self.restored, self.scanned):
            assert isinstance(apply(twin, stamp, item, signer), Applied)
            twin.ops, twin.withdrawals = [], []
            assert portrait(twin) == portrait(self.venue.state)
        self.venue.state.ops = []
        assert roots.state_root() == self.venue.forest.roots(self.venue.system).state_root()
        if swap:
            self.restored = self.venue.restored()
            assert portrait(self.restored) == portrait(self.venue.state)

    @invariant()
    def groups_are_whole(self) -> None:
        """What is kept of triggers is of use: FIRED ones have an open order, children a parent, bound ones a position to reduce."""
        state = self.venue.state
        for trigger in state.triggers.values():
            assert (trigger.status == TriggerStatus.FIRED) == (trigger.id in state.orders)
            assert (trigger.status == TriggerStatus.WAITING) == (trigger.parent != 0 and trigger.lots == 0)
            if trigger.parent:
                assert trigger.parent in state.orders or trigger.parent in state.triggers
            if trigger.grouping == Grouping.POSITION:
                size = state.accounts[trigger.account].positions[trigger.market].size
                assert size < 0 if trigger.side == Side.BUY else size > 0
        for account in state.accounts.values():
            assert (account.id in state.protected) == bool(account.protections)
            for number, protection in account.protections.items():
                queued = any(getattr(item, "reason", None) == CloseReason.PROTECTION for item in state.work.values())
                if is_frozen(protection, state.time) and not queued:
                    assert not any(o.market == number and not o.reduce_only for o in account.orders.values())
        for twap in state.twaps.values():
            assert 0 <= twap.filled < twap.size
            assert twap.id in state.accounts[twap.account].twaps
        assert state.settled == len(state.events) or not state.triggers

    @invariant()
    def money_is_conserved(self) -> None:
        audit(self.venue.state)

    def teardown(self) -> None:
        again = replay(self.params, self.venue.journal)
        assert portrait(again) == portrait(self.venue.state)


class GuardedMachine(VenueMachine):
    """With breakers, refused jumps, forecast volatility, depth, caps, limits of withdrawals and the gate."""

    params = GUARDED

    @invariant()
    def guards_hold(self) -> None:
        """No history grows beyond its window, no fraction leaves its bounds, no position grows beyond the cap by a fill."""
        state = self.venue.state
        for market in state.markets.values():
            assert len(market.breaker.history) <= 2 + 300_000 // 5_000
            assert (market.breaker.cause == BreakerCause.NONE) == (market.status == MarketStatus.OPEN)
            if market.initial_vol_ppm:
                floor, least = market.initial_ppm[0][1], market.maintenance[0][1]
                assert floor <= market.initial_vol_ppm <= 3 * floor
                assert least <= market.maintenance_vol_ppm <= market.initial_vol_ppm
        assert len(state.guards.votes) <= len(PUBLISHERS) ** 2


def run(seed: int, examples: int, steps: int, kind: type[VenueMachine] = VenueMachine) -> None:
    machine = hypothesis.seed(seed)(kind)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None, print_blob=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )  # fmt: skip


def test_rule_book_under_random_inputs(seed: int) -> None:
    run(seed, 70, 50)


def test_guarded_rule_book_under_random_inputs(seed: int) -> None:
    run(seed, 30, 50, GuardedMachine)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
def test_rule_book_under_random_inputs_for_long(seed: int) -> None:
    run(seed, 1_000, 100)
    run(seed, 500, 100, GuardedMachine)
