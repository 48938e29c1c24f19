"""Who is who: accounts by address, and accounts by the keys that act for them."""

from node.core.state import State
from proto.events import AccountOpened, AgentApproved
from proto.ids import AccountId, Address


class Directory:
    """Grows with the state it was seeded from; nobody ever leaves. Before `seed` it knows only who came since."""

    __slots__ = ("_owners_first", "agents", "by_address")

    def __init__(self) -> None:
        self.by_address: dict[Address, AccountId] = {}
        self.agents: dict[Address, AccountId] = {}
        self._owners_first = True

    def seed(self, state: State) -> None:
        """Take accounts and agents from the state. The addresses are shared with it: they are many."""
        self.by_address = state.by_address
        self.agents = {key: signer.account for key, signer in state.agents.items()}
        self._owners_first = state.params.dialects.hyperliquid_owners

    def opened(self, event: AccountOpened) -> None:
        """An account got its number."""
        self.by_address.setdefault(event.address, event.account)

    def approved(self, event: AgentApproved) -> None:
        """A key may act for an account."""
        self.agents[event.agent] = event.account

    def account_of(self, signer: Address) -> AccountId | None:
        """Whom a key stands for where the action names nobody: itself, or its master, as in node.core.hl.resolve."""
        own, master = self.by_address.get(signer), self.agents.get(signer)
        return own if master is None or (self._owners_first and own is not None) else master
