"""Place orders and triggers that may depend on each other.

Invariant: of a real group either all members are placed or none is: every member is checked before the first one is written. Without a
grouping each stands for itself, in order.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.core.outcome import Applied, OrderResult, OrderState, Outcome, Rejected, Result, refused_order
from node.core.price.status import refusal_of_orders
from node.core.state import Account, Market, State, Trigger, TriggerStatus
from node.core.transitions.placing import Accepted, Meetings, check_order, commit_order
from node.core.triggers import registry
from node.core.triggers.groups import settle
from proto.ids import OrderId
from proto.intents import Grouping, OrderSpec, OrderType, PlaceGroup, Side, TimeInForce, TriggerKind, TriggerSpec
from proto.reject import RejectCode
from proto.units import Lots, MicroUsd, Price, tick_is_valid

Member = OrderSpec | TriggerSpec | RejectCode
"""A RejectCode stands for a member that could not be read in its market's units."""

GROUP_MEMBERS_MAX: Final = 8
_IMMEDIATE: Final = (TimeInForce.IOC, TimeInForce.FOK)


def transition(state: State, account: Account, intent: PlaceGroup) -> Outcome:
    """Place what the action names, orders first."""
    return place(state, account, intent.grouping, [*intent.orders, *intent.triggers])


def place(state: State, account: Account, grouping: Grouping, members: Sequence[Member]) -> Outcome:
    """Place the members; one result for each. An action whose members make no such group is refused whole."""
    if grouping == Grouping.NONE:
        meetings = Meetings(state)
        alone = [_place_alone(state, account, member, meetings) for member in members]
        return Applied(tuple(state.events), tuple(alone))
    if not _makes(grouping, members):
        return Rejected(RejectCode.GROUP_INVALID)
    checked = _check_all(state, account, grouping, members)
    if isinstance(checked, list):
        return Applied(tuple(state.events), tuple(checked))
    results = _commit(state, account, grouping, members, checked)
    return Applied(tuple(state.events), results)


# --- form -----------------------------------------------------------------------------------------------------------------


def _order_of(member: OrderSpec | TriggerSpec) -> OrderSpec:
    return member.order if isinstance(member, TriggerSpec) else member


def _makes(grouping: Grouping, members: Sequence[Member]) -> bool:
    """Whether the members, as far as they can be read, make such a group."""
    if not len(members) <= GROUP_MEMBERS_MAX:
        return False
    known = [member for member in members if not isinstance(member, RejectCode)]
    plain = sum(isinstance(member, OrderSpec) for member in known)
    if grouping == Grouping.PAIR:
        return len(members) == 2 and plain <= 1
    if grouping == Grouping.POSITION:
        first = _order_of(known[0]) if known else None
        return plain == 0 and all(
            (member.market, member.side, member.reduce_only) == (first.market, first.side, True)
            for member in map(_order_of, known)
            if first is not None
        )
    if len(members) < 2 or any(isinstance(member, OrderSpec) for member in members[1:]):
        return False
    if isinstance(members[0], RejectCode):
        return True
    parent = _order_of(members[0])
    children = [_order_of(member) for member in members[1:] if not isinstance(member, RejectCode)]
    return all(child.market == parent.market and child.side != parent.side for child in children)


# --- checks ---------------------------------------------------------------------------------------------------------------


class Checked(NamedTuple):
    """What `_check_all` found: the order among the members, if there is one."""

    order: Accepted | None


def _check_all(
    state: State, account: Account, grouping: Grouping, members: Sequence[Member]
) -> list[OrderResult] | Checked:
    """Every member's refusal, or that there is none. Decides without touching `state`."""
    accepted: Accepted | None = None
    codes: list[RejectCode | None] = []
    clients: dict[int, None] = {}
    first = members[0]
    for at, member in enumerate(members):
        code: RejectCode | None
        if isinstance(member, RejectCode):
            code = member
        elif isinstance(member, TriggerSpec):
            child_of = first if grouping == Grouping.CHILDREN and at and not isinstance(first, RejectCode) else None
            reference = None if child_of is None else _expected_entry(state, child_of)
            code = check_trigger(state, account, member, grouping, reference, others=at)
        else:
            decided = check_order(state, account, member, Meetings(state))
            code = decided if isinstance(decided, RejectCode) else None
            accepted = decided if isinstance(decided, Accepted) else None
        if code is None and not isinstance(member, RejectCode):
            client_id = _order_of(member).client_id
            if client_id in clients:
                code = RejectCode.CLIENT_ID_IN_USE
            if client_id:
                clients[client_id] = None
        codes.append(code)
    if all(code is None for code in codes):
        return Checked(accepted)
    return [refused_order(code or RejectCode.GROUP_REFUSED) for code in codes]


def check_trigger(
    state: State,
    account: Account,
    spec: TriggerSpec,
    grouping: Grouping,
    reference: int | None = None,
    *,
    others: int = 0,
    replaces: Trigger | None = None,
) -> RejectCode | None:
    """Every rule of a trigger at entry, in order: market, form, prices, account limits, side of the mark.

    `reference` stands for the mark where it waits for a parent first; `others` are placed before it; `replaces` goes for it.
    """
    order = spec.order
    market = state.markets.get(order.market)
    if market is None:
        return RejectCode.MARKET_UNKNOWN
    code = refusal_of_orders(state, market)
    if code is not None:
        return code
    bound = grouping == Grouping.POSITION
    if order.size == 0 and not bound:
        return RejectCode.ORDER_SIZE_ZERO
    if 0 < order.good_til <= state.time:
        return RejectCode.GOOD_TIL_PAST
    code = _price_refusal(market, spec)
    if code is not None:
        return code
    if order.client_id and account.clients.get(order.client_id, replaces) is not replaces:
        return RejectCode.CLIENT_ID_IN_USE
    if len(account.triggers) + others - (replaces is not None) >= state.params.limits.triggers_per_account:
        return RejectCode.TRIGGER_LIMIT
    if bound and not _reduces(account, order):
        return RejectCode.REDUCE_ONLY_WOULD_INCREASE
    if not order.reduce_only and (order.price or spec.level) * order.size < market.params.minimum_notional:
        return RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL
    near = market.mark if reference is None else reference
    waits = spec.level > near if spec.above else spec.level < near
    return None if waits else RejectCode.TRIGGER_LEVEL_REACHED


def _price_refusal(market: Market, spec: TriggerSpec) -> RejectCode | None:
    """Level and limit on tick; the band is looked at when it fires."""
    order, decimals = spec.order, market.params.size_decimals
    if spec.level == 0:
        return RejectCode.ORDER_PRICE_ZERO
    if not tick_is_valid(spec.level, decimals):
        return RejectCode.ORDER_PRICE_OFF_TICK
    if order.order_type == OrderType.LIMIT:
        if order.price == 0:
            return RejectCode.ORDER_PRICE_ZERO
        return None if tick_is_valid(order.price, decimals) else RejectCode.ORDER_PRICE_OFF_TICK
    if order.time_in_force not in _IMMEDIATE:
        return RejectCode.MARKET_ORDER_TIME_IN_FORCE
    if market.params.band_ppm == 0 and order.price == 0:
        return RejectCode.MARKET_ORDER_NEEDS_BOUND
    return None


def _reduces(account: Account, order: OrderSpec) -> bool:
    position = account.positions.get(order.market)
    size = 0 if position is None else position.size
    return size < 0 if order.side == Side.BUY else size > 0


def _expected_entry(state: State, parent: OrderSpec | TriggerSpec) -> int:
    """About where the parent will trade: its level, or its limit where that is no worse than the mark; else the mark."""
    if isinstance(parent, TriggerSpec):
        return parent.level
    market = state.markets.get(parent.market)
    mark = 0 if market is None else market.mark
    if parent.price == 0:
        return mark
    return min(parent.price, mark) if parent.side == Side.BUY else max(parent.price, mark)


# --- effects --------------------------------------------------------------------------------------------------------------


def _place_alone(state: State, account: Account, member: Member, meetings: Meetings) -> Result:
    if isinstance(member, RejectCode):
        return refused_order(member)
    if isinstance(member, OrderSpec):
        decided = check_order(state, account, member, meetings)
        return refused_order(decided) if isinstance(decided, RejectCode) else commit_order(state, account, decided)
    code = check_trigger(state, account, member, Grouping.NONE)
    if code is not None:
        return refused_order(code)
    trigger = registry.made(state, account, member, Grouping.NONE, OrderId(0), OrderId(0))
    registry.place(state, account, state.markets[trigger.market], trigger)
    return result_of(state, trigger)


def result_of(state: State, trigger: Trigger) -> OrderResult:
    """Where a trigger stands."""
    if trigger.id not in state.triggers:
        return OrderResult(0, trigger.id, OrderState.CANCELLED, Lots(0), trigger.size, MicroUsd(0))
    stands = OrderState.WAITING_PARENT if trigger.status == TriggerStatus.WAITING else OrderState.WAITING
    return OrderResult(0, trigger.id, stands, Lots(0), trigger.size, MicroUsd(0))


def _commit(
    state: State, account: Account, grouping: Grouping, members: Sequence[Member], checked: Checked
) -> tuple[OrderResult, ...]:
    """Place the triggers, then let the order among them meet the book: what it trades then has its effect on them. Cannot fail."""
    first = state.next_order  # The order's number, where there is one: it was given by its check.
    parent = first if grouping == Grouping.CHILDREN else OrderId(0)
    siblings = len(members) - (1 if parent else 0) > 1
    group = first if siblings else OrderId(0)
    placed: list[Trigger | None] = []
    for at, member in enumerate(members):
        if isinstance(member, TriggerSpec):
            is_parent = bool(parent) and at == 0
            trigger = registry.made(
                state, account, member, Grouping.NONE if is_parent else grouping,
                OrderId(0) if is_parent else group, OrderId(0) if is_parent else parent,
            )  # fmt: skip
            registry.place(state, account, state.markets[trigger.market], trigger)
            placed.append(trigger)
        else:
            assert checked.order is not None, "every member was checked"
            assert checked.order.order.id == state.next_order, "the order stands first"
            state.next_order = OrderId(state.next_order + 1)
            if grouping == Grouping.PAIR:
                registry.enter_order(state, _record_of(checked.order, group))
            placed.append(None)
    done = None if checked.order is None else commit_order(state, account, checked.order)
    settle(state)
    results: list[OrderResult] = []
    for trigger_or_order in placed:
        result = done if trigger_or_order is None else result_of(state, trigger_or_order)
        assert result is not None, "every member has a result"
        results.append(result)
    return tuple(results)


def _record_of(accepted: Accepted, group: OrderId) -> Trigger:
    """The record of a plain order that is half of a pair."""
    order = accepted.order
    return Trigger(
        order.id, order.account, order.market, order.side, order.order_type, order.time_in_force, order.reduce_only,
        order.self_trade, TriggerKind.STOP, Price(0), order.price, order.size, order.client_id, order.time,
        order.good_til, TriggerStatus.FIRED, Grouping.PAIR, group,
    )  # fmt: skip
