"""What a seal writes: every leaf touched since the last one, encoded at this moment.

Invariant: `collect` runs between the SealTick's apply and the next input; what it returns no longer depends on the live state,
so hashing and
writing may happen elsewhere.
"""

from node.core.commit.forest import LeafRow, SealLeaves
from node.core.commit.guard_leaves import encode_guards
from node.core.commit.kept import encode_kept
from node.core.commit.leaves import (
    encode_account,
    encode_index,
    encode_market,
    encode_order,
    encode_signers,
    encode_system,
    encode_vault,
    encode_venue_account,
    encode_venue_market,
)
from node.core.commit.waiting_leaves import encode_waiting
from node.core.commit.work_leaves import encode_work
from node.core.ledger.guards import GUARDS_KEY
from node.core.state import State
from proto.ids import AccountId, IndexId, MarketId, Slot, VaultId
from proto.ledger import Section


def collect(state: State) -> SealLeaves:
    """Encode and forget what was touched."""
    touched = state.touched
    rows: list[LeafRow] = []
    for key in sorted(touched[Section.ACCOUNTS]):
        account = state.accounts[AccountId(key)]
        rows.append(LeafRow(Section.ACCOUNTS, key, encode_account(account), encode_signers(account.signers)))
    rows.extend(_order_rows(state))
    rows.extend(
        LeafRow(Section.MARKETS, key, encode_market(state.markets[MarketId(key)]), b"")
        for key in sorted(touched[Section.MARKETS])
    )
    rows.extend(LeafRow(Section.WITHDRAWALS, index, leaf, b"") for index, leaf in state.withdrawals)
    rows.extend(
        LeafRow(Section.VAULTS, key, encode_vault(state.vaults[VaultId(key)]), b"") for key in sorted(touched[Section.VAULTS])
    )
    rows.extend(
        LeafRow(Section.VENUE_MARKETS, key, encode_venue_market(state.markets[MarketId(key)]), b"")
        for key in sorted(touched[Section.VENUE_MARKETS])
    )
    rows.extend(
        LeafRow(Section.VENUE_INDICES, key, encode_index(state.indices[IndexId(key)]), b"")
        for key in sorted(touched[Section.VENUE_INDICES])
    )
    for key in sorted(touched[Section.VENUE_WORK]):
        leaf = encode_guards(state.guards) if key == GUARDS_KEY else encode_work(state, key)
        rows.append(LeafRow(Section.VENUE_WORK, key, leaf, b""))
    for key in sorted(touched[Section.VENUE_ACCOUNTS]):
        account = state.accounts[AccountId(key)]
        rows.append(LeafRow(Section.VENUE_ACCOUNTS, key, encode_venue_account(account), encode_kept(account)))
    rows.extend(_waiting_rows(state))
    for keys in touched:
        keys.clear()
    state.withdrawals = []
    return SealLeaves(state.batch_id, tuple(rows), encode_system(state))


def _order_rows(state: State) -> list[LeafRow]:
    """Rows of touched order slots: a slot without a resting order is empty."""
    rows = []
    for slot in sorted(state.touched[Section.ORDERS]):
        order = state.slots.get(Slot(slot))
        rows.append(LeafRow(Section.ORDERS, slot, encode_order(order) if order is not None else b"", b""))
    return rows


def _waiting_rows(state: State) -> list[LeafRow]:
    """Rows of touched slots of what waits: a slot that nothing holds is empty."""
    rows = []
    for slot in sorted(state.touched[Section.VENUE_TRIGGERS]):
        item = state.waiting_slots.get(Slot(slot))
        leaf = encode_waiting(item) if item is not None else b""
        rows.append(LeafRow(Section.VENUE_TRIGGERS, slot, leaf, b""))
    return rows
