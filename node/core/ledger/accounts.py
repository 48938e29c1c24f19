"""Accounts come into being at their first credit, or as a master's sub-account, and never go."""

from node.core.state import Account, Signer, State, touch_account
from proto.events import AccountOpened
from proto.ids import AccountId, Address
from proto.intents import SCOPE_TRADE
from proto.ops import OpKind
from proto.units import TimeMs


def account_at(state: State, address: Address) -> Account | None:
    """The account of an address, or None."""
    number = state.by_address.get(address)
    return None if number is None else state.accounts[number]


def open_account(state: State, address: Address, master: Account | None) -> Account:
    """Give the next dense id to `address`. An account without master has its own key as first signer.

    Also where that key is already called somebody's agent: what others approve must not come between owners and their money.
    """
    assert address not in state.by_address, "check must precede commit"
    number = state.next_account
    state.next_account = AccountId(number + 1)
    account = Account(number, address, master.id if master else AccountId(0), master.payee if master else address)
    if master is None:
        owner = Signer(address, number, is_agent=False, valid_until=TimeMs(0), scope=SCOPE_TRADE, name=bytes(32))
        account.signers.append(owner)
    else:
        master.sub_accounts += 1
    state.accounts[number] = account
    state.by_address[address] = number
    touch_account(state, account)
    state.ops.append((OpKind.ACCOUNT_OPENED, number, address, account.master))
    state.events.append(AccountOpened(number, address, account.master))
    return account


def adopt_account(state: State, account: Account, master: Account) -> None:
    """Make an account that money opened at a derived address the sub-account of the master that the address derives from."""
    assert not account.master, "check must precede commit"
    account.signers = []  # The owner alone, whose key nobody has: only masters have agents, and nobody signed to approve one.
    account.master, account.payee = master.id, master.payee
    master.sub_accounts += 1
    touch_account(state, account)
    state.ops.append((OpKind.ACCOUNT_OPENED, account.id, account.address, account.master))
    state.events.append(AccountOpened(account.id, account.address, account.master))


def account_for_credit(state: State, address: Address) -> Account:
    """The account of an address, opened now if this is its first credit."""
    found = account_at(state, address)
    return open_account(state, address, None) if found is None else found
