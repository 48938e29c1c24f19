"""The venue under stress: the real rule book in this process, fed through `apply` with nothing but inputs that a node could stamp.

No rule is repeated here: whoever trades is answered by the rule book, due ticks are what `due_inputs` says, money is recounted by `audit`.
Signatures are left out: the signer is given, as after recovery. Same inputs, same outcome: nothing here reads a clock.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from node.core.apply import apply
from node.core.audit import AuditError, audit, audit_totals
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.margin.account import equity
from node.core.outcome import Applied, Outcome, Rejected
from node.core.params import MarketParams, Params
from node.core.schedule import due_inputs
from node.core.state import Account, Market, State
from node.lab.stress.tally import Tally
from proto.ids import INSURANCE_ACCOUNT, INSURANCE_ADDRESS, USDC, ZERO_ADDRESS, Address, Seq, derived_address
from proto.inputs import DepositSeen, Dialect, IndexPrice, Input, OracleReport, SealTick, Stamp, UserAction, WorkTick
from proto.intents import Intent
from proto.units import AssetUnits, MicroPrice, MicroUsd, TimeMs

SEAL_MS: Final = 3_600_000  # Seals cost leaves; a pass needs them to hand over what was touched, not each second.
AUDIT_MS: Final = 6 * SEAL_MS
_WORK_TICKS_MAX: Final = 400  # Per moment: what is left waits for the next, as it would for other inputs.
_UNSIGNED: Final = bytes(65)

Head = tuple[Address, int, TimeMs]
"""How every intent begins: account, nonce, expiry."""


class Fault(NamedTuple):
    """What broke the law that money is conserved, and when."""

    time: TimeMs
    law: str


class StressVenue:
    """State, stamps, and what came of everything."""

    def __init__(self, params: Params, market: MarketParams, start: TimeMs) -> None:
        self.params = params
        self.state: State = genesis_state(params)
        self.market: Market = self.state.markets[market.id]
        self.time = start
        self.tally = Tally()
        self.fault: Fault | None = None
        self._nonces: dict[Address, int] = {}
        self._deposits = 0
        self._batch = 0
        self._next_seal = self._next_audit = start

    # --- the one way in -----------------------------------------------------------------------------------------------------

    def apply(self, item: Input, signer: Address = ZERO_ADDRESS) -> Outcome:
        """Stamp and apply one input, and count what it did."""
        outcome = apply(self.state, Stamp(Seq(self.state.seq + 1), self.time), item, signer)
        if type(outcome) is Applied:
            self.tally.hear(outcome.events)
        else:
            assert isinstance(outcome, Rejected)
            self.tally.refused[outcome.code] += 1
        return outcome

    def act(self, owner: Address, intent_of: Callable[[Head], Intent]) -> Outcome:
        """One action of an account's owner."""
        nonce = max(self._nonces.get(owner, 0) + 1, self.time)
        self._nonces[owner] = nonce
        intent = intent_of((owner, nonce, TimeMs(0)))
        return self.apply(UserAction(Dialect.NATIVE, b"", _UNSIGNED, intent), owner)

    def deposit(self, owner: Address, amount: MicroUsd) -> None:
        """USDC that L1 has seen."""
        self.apply(DepositSeen(self._deposits, owner, USDC, AssetUnits(amount)))
        self._deposits += 1

    # --- the world moves ----------------------------------------------------------------------------------------------------

    def report(self, price: int, spread: tuple[int, ...]) -> None:
        """Every publisher says its price now: `price` and its own small error."""
        for publisher, error in zip(self.params.publishers, spread, strict=False):
            lines = (IndexPrice(self.market.params.index, MicroPrice(max(price + error, 1)), MicroPrice(0)),)
            self.apply(OracleReport(self.time, lines, _UNSIGNED), publisher.address)

    def tick(self, between: Callable[[], None] | None = None) -> None:
        """Stamp what is due, work ticks last and until none is due; other inputs (`between`) pass after each of those."""
        for item in due_inputs(self.state, self.time):
            if not isinstance(item, WorkTick):
                self.apply(item)
        for _ in range(_WORK_TICKS_MAX):
            work = [item for item in due_inputs(self.state, self.time) if isinstance(item, WorkTick)]
            if not work:
                break
            self.apply(work[0])
            if between is not None:
                between()
        if self.time >= self._next_seal:
            self.seal()

    def seal(self) -> None:
        """Close a batch: leaves are encoded, totals checked; everything is recounted now and then."""
        self._batch += 1
        self.apply(SealTick(self._batch))
        collect(self.state)
        self.state.ops = []
        self._next_seal = TimeMs(self.time + SEAL_MS)
        whole = self.time >= self._next_audit
        if whole:
            self._next_audit = TimeMs(self.time + AUDIT_MS)
        self.check(whole=whole)

    def check(self, *, whole: bool) -> None:
        """Recount, and keep the first law that is broken."""
        try:
            if whole:
                audit(self.state)
            else:
                audit_totals(self.state)
        except AuditError as error:
            self.fault = self.fault or Fault(self.time, str(error))

    # --- what can be seen ---------------------------------------------------------------------------------------------------

    def account(self, owner: Address) -> Account | None:
        """The account of an address, once it has one."""
        number = self.state.by_address.get(owner)
        return None if number is None else self.state.accounts[number]

    def position(self, owner: Address) -> int:
        """Lots in the market under stress, signed."""
        account = self.account(owner)
        position = account.positions.get(self.market.params.id) if account is not None else None
        return 0 if position is None else position.size

    def equity_of(self, owner: Address) -> int:
        """An account's value, micro-USDC."""
        account = self.account(owner)
        return 0 if account is None else equity(self.state, account)

    def insurance(self) -> MicroUsd:
        """What the insurance fund is worth."""
        return MicroUsd(equity(self.state, self.state.accounts[INSURANCE_ACCOUNT]))

    def endow_insurance(self, amount: MicroUsd) -> None:
        """The fund's seed, deposited like any money."""
        self.deposit(INSURANCE_ADDRESS, amount)

    def deficits(self) -> int:
        """Accounts, the venue's own too, that are worth less than nothing."""
        return sum(1 for account in self.state.accounts.values() if equity(self.state, account) < 0)


def owner_of(tag: str, number: int) -> Address:
    """An address nobody has a key for; nobody needs one here."""
    return derived_address(b"novate.stress." + tag.encode(), number.to_bytes(4, "big"))
