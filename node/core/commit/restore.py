"""From stored leaves back to the state they were encoded from, with every derived field rebuilt.

Invariant: `restore(collect(state))` equals the state in everything `apply` reads. Books are rebuilt by ascending priority, so
queues stand as
they stood.
"""

from collections.abc import Iterable
from heapq import heapify, heappush

from node.core.book import expiry
from node.core.book import side as sides
from node.core.book.match import own
from node.core.book.resting import count_open
from node.core.commit.forest import Forest, LeafRow
from node.core.commit.guard_leaves import decode_guards
from node.core.commit.leaves import (
    decode_account,
    decode_index,
    decode_market_into,
    decode_order,
    decode_system_into,
    decode_vault,
    decode_venue_account_into,
    decode_venue_market_into,
)
from node.core.commit.waiting_leaves import decode_waiting
from node.core.commit.work_leaves import decode_work_into, rebuild_queue
from node.core.genesis import empty_state
from node.core.ledger.guards import GUARDS_KEY
from node.core.ledger.positions import position_in
from node.core.liquidation import work
from node.core.params import Params
from node.core.state import Account, Order, State, Trigger, TriggerStatus, TriggerWork, Twap
from node.core.triggers import ladder, registry
from node.core.twap import schedule
from proto.ids import AccountId, IndexId, MarketId, Slot, VaultId
from proto.ledger import Section


def restore(params: Params, rows: Iterable[LeafRow], system: bytes) -> tuple[State, Forest]:
    """State and trees from all live leaves and the system words of one seal. The caller compares the root with the header's."""
    state, forest = empty_state(params), Forest()
    decode_system_into(state, system)
    kept: list[LeafRow] = []
    for row in rows:
        if row.leaf:
            _take(state, row)
            kept.append(row)
    for row in kept:
        if row.section == Section.VENUE_ACCOUNTS:
            decode_venue_account_into(state.accounts[AccountId(row.key)], row.leaf, row.aux)
    forest.load(kept)
    rebuild_derived(state)
    return state, forest


def _take(state: State, row: LeafRow) -> None:
    match row.section:
        case Section.ACCOUNTS:
            number = AccountId(row.key)
            state.accounts[number] = decode_account(number, row.leaf, row.aux)
        case Section.ORDERS:
            order = decode_order(row.key, row.leaf)
            state.orders[order.id] = order
        case Section.MARKETS:
            decode_market_into(state.markets[MarketId(row.key)], row.leaf)
        case Section.VENUE_MARKETS:
            decode_venue_market_into(state.markets[MarketId(row.key)], row.leaf)
        case Section.VENUE_INDICES:
            state.indices[IndexId(row.key)] = decode_index(row.key, row.leaf)
        case Section.VENUE_WORK if row.key == GUARDS_KEY:
            state.guards = decode_guards(row.leaf)
        case Section.VENUE_WORK:
            decode_work_into(state, row.key, row.leaf)
        case Section.VENUE_TRIGGERS:
            waiting = decode_waiting(row.key, row.leaf)
            if isinstance(waiting, Twap):
                state.twaps[waiting.id] = waiting
            else:
                state.triggers[waiting.id] = waiting
        case Section.VAULTS:
            state.vaults[VaultId(row.key)] = decode_vault(row.leaf)
        case Section.WITHDRAWALS:
            pass  # They live in the tree only.
        case Section.VENUE_ACCOUNTS:
            pass  # Once all accounts are there.


def rebuild_derived(state: State) -> None:
    """Every index and cache that is a function of accounts, orders and work."""
    state.accounts = {number: state.accounts[number] for number in sorted(state.accounts)}
    state.vaults = {number: state.vaults[number] for number in sorted(state.vaults)}
    for account in state.accounts.values():
        _index_account(state, account)
    for order in sorted(state.orders.values(), key=lambda item: item.priority):
        _index_order(state, order)
    rebuild_queue(state)
    _index_triggers(state)
    state.cancel_times = sorted((item.cancel_at, item.id) for item in state.accounts.values() if item.cancel_at)
    used = state.slots
    state.free_slots = [slot for slot in range(state.order_slots) if Slot(slot) not in used]
    heapify(state.free_slots)


def _index_account(state: State, account: Account) -> None:
    state.by_address[account.address] = account.id
    for signer in account.signers:
        if signer.is_agent:
            state.agents[signer.address] = signer
    if account.protections:
        state.protected[account.id] = None
    if account.master:
        state.accounts[account.master].sub_accounts += 1
    if account.positions or account.cash < 0:
        state.risk.stale[account.id] = None


def _index_order(state: State, order: Order) -> None:
    account = state.accounts[order.account]
    account.orders[order.id] = order
    if order.client_id:
        account.clients[order.client_id] = order
    count_open(position_in(account, order.market), order, 1)
    sides.add(own(state.markets[order.market], order.side), order)
    state.slots[order.slot] = order
    if order.good_til:
        expiry.add(state, order)


def _index_triggers(state: State) -> None:
    """Ladders, groups, slices, and what accounts have waiting."""
    for item in work.queue(state):
        if isinstance(item, TriggerWork):
            ladder.ladder_of(state.markets[item.market], above=item.above).items.append(item)
    for trigger in sorted(state.triggers.values(), key=lambda row: (row.since, row.id)):
        state.waiting_slots[trigger.slot] = trigger
        if trigger.status != TriggerStatus.FIRED:
            _index_waiting(state, trigger)
    state.triggers = {number: state.triggers[number] for number in sorted(state.triggers)}
    for trigger in state.triggers.values():
        registry.index(state, trigger)
    state.twaps = {number: state.twaps[number] for number in sorted(state.twaps)}
    for twap in state.twaps.values():
        state.waiting_slots[twap.slot] = twap
        schedule.index(state, state.accounts[twap.account], twap)
    used = state.waiting_slots
    state.free_waiting_slots = [slot for slot in range(max(used, default=0)) if Slot(slot) not in used]


def _index_waiting(state: State, trigger: Trigger) -> None:
    account = state.accounts[trigger.account]
    account.triggers[trigger.id] = trigger
    if trigger.client_id:
        account.clients[trigger.client_id] = trigger
    if trigger.good_til:
        heappush(state.expiries, (trigger.good_til, trigger.id))
    if trigger.status == TriggerStatus.ARMED:
        ladder.restore(state.markets[trigger.market], trigger)
