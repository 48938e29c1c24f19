"""Nobody's share of the vault is worth less because somebody else came or went.

Under random deposits, withdrawals, profits, losses and liquidations.
"""

from collections import Counter
from typing import Any

import hypothesis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from node.core.audit import audit
from node.core.ledger.money import credit
from node.core.liquidation import work
from node.core.outcome import Applied
from node.core.state import LeaveWork
from node.core.vaults.shares import VIRTUAL, equity_of, shares_for, shares_paid, worth
from proto.events import BalanceReason
from proto.ids import BACKSTOP_ACCOUNT, BACKSTOP_VAULT, INSURANCE_ADDRESS, USDC, share_asset
from proto.inputs import WorkTick
from proto.intents import (
    OrderSpec,
    OrderType,
    PlaceOrder,
    SelfTrade,
    Side,
    TimeInForce,
    VaultDeposit,
    VaultWithdraw,
)
from proto.units import AssetUnits, Lots, Price, TimeMs
from tests.core.venue import ALPHA, USD, Venue, address

PEOPLE = tuple(address(number) for number in range(1, 4))
SHORT, LONG = address(8), address(9)
people = st.sampled_from(PEOPLE)
seen: Counter[str] = Counter()
"""What the runs came across: a property of what never happens would hold too."""


class VaultMachine(RuleBasedStateMachine):
    """Three holders, a vault that is paid, charged, and takes over whom the market ruins."""

    def __init__(self) -> None:
        super().__init__()
        self.venue = Venue()
        self.nonces = 0

    @initialize()
    def open(self) -> None:
        for index, price in ((1, 100), (2, 100), (3, 50_000)):
            self.venue.price(index, price * USD)
        for person in (*PEOPLE, INSURANCE_ADDRESS):
            self.venue.deposit(person, 1_000_000 * USD)
        self.deposit(PEOPLE[0], 3 * 10**11)
        self.leave(PEOPLE[0], 10)

    def price(self) -> tuple[int, int]:
        vault = self.venue.state.vaults[BACKSTOP_VAULT]
        return equity_of(self.venue.state, vault) + VIRTUAL, vault.total_shares + VIRTUAL

    def head(self, person: Any) -> dict[str, Any]:
        self.nonces += 1
        return {"account": person, "nonce": self.venue.now + self.nonces % 1_000, "expires_after": TimeMs(0)}

    def never_worse(self, before: tuple[int, int]) -> None:
        after = self.price()
        assert after[0] * before[1] >= before[0] * after[1], "who stays lost by who came or went"

    @rule(person=people, amount=st.one_of(st.integers(1, 10**11), st.sampled_from([10**5, 10**7, 10**11, 3 * 10**11])))
    def deposit(self, person: Any, amount: int) -> None:
        before, account = self.price(), self.venue.state.accounts[self.venue.state.by_address[person]]
        cash, held = account.cash, account.balances.get(share_asset(BACKSTOP_VAULT), 0)
        self.venue.act(VaultDeposit(**self.head(person), vault=BACKSTOP_VAULT, amount=AssetUnits(amount)))
        self.never_worse(before)
        gained = account.balances.get(share_asset(BACKSTOP_VAULT), 0) - held
        after = self.price()
        if gained:  # What it bought is worth what it paid, but for one share and one unit.
            assert 0 <= (cash - account.cash) - worth(gained, after[0] - VIRTUAL, after[1] - VIRTUAL) <= after[0] // after[1] + 2

    @rule(person=people, percent=st.integers(1, 100))
    def leave(self, person: Any, percent: int) -> None:
        account = self.venue.state.accounts[self.venue.state.by_address[person]]
        shares = account.balances.get(share_asset(BACKSTOP_VAULT), 0) * percent // 100
        before = self.price()
        self.venue.act(VaultWithdraw(**self.head(person), vault=BACKSTOP_VAULT, shares=min(shares, 2**63 - 1)))
        assert self.price() == before, "to give shares back changes nothing yet"

    @rule(amount=st.integers(1, 10**12))
    def profit(self, amount: int) -> None:
        self.venue.deposit(self.venue.state.accounts[BACKSTOP_ACCOUNT].address, amount)

    @rule(part=st.integers(1, 99))
    def loss(self, part: int) -> None:
        """A part of its cash, by hand, to the insurance fund."""
        state = self.venue.state
        money = state.accounts[BACKSTOP_ACCOUNT]
        lost = max(money.cash, 0) * part // 100
        credit(state, money, USDC, -lost, BalanceReason.TRADE)
        credit(state, state.accounts[state.by_address[INSURANCE_ADDRESS]], USDC, lost, BalanceReason.TRADE)

    @rule(wait=st.sampled_from([1, 1_001, 10_001, 31_000, 31_000]), move=st.sampled_from([-9, -8, -5, 0, 1, 5, 8, 9]))
    def time_passes(self, wait: int, move: int) -> None:
        """Units one by one; those that pay holders out make nobody's share worth less."""
        self.venue.now += wait
        mark = self.venue.state.markets[ALPHA].mark
        self.venue.price(1, max(mark * (100 + move) // 100 // USD, 10) * USD)
        self.venue.price(2, 100 * USD)
        for _ in range(12):
            item = work.next_due(self.venue.state) if work.is_due(self.venue.state, TimeMs(self.venue.now)) else None
            before = self.price()
            if not isinstance(self.venue.apply(WorkTick(1)), Applied):
                break
            if isinstance(item, LeaveWork):
                self.never_worse(before)
                seen["paid"] += self.price()[1] < before[1]
        seen["taken"] += any(held.size for held in self.venue.state.accounts[BACKSTOP_ACCOUNT].positions.values())

    @rule(lots=st.integers(100, 900))
    def ruin(self, lots: int) -> None:
        """Somebody on the highest leverage, whom the vault may have to take over."""
        mark = self.venue.state.markets[ALPHA].mark
        for owner, side in ((SHORT, Side.SELL), (LONG, Side.BUY)):
            self.venue.deposit(owner, lots * mark // 8)
            order = OrderSpec(
                ALPHA, side, OrderType.LIMIT, TimeInForce.GTC, Price(mark), Lots(lots), reduce_only=False, client_id=0,
                self_trade=SelfTrade.EXPIRE_MAKER,
            )  # fmt: skip
            self.venue.act(PlaceOrder(**self.head(owner), order=order))

    @invariant()
    def conserved(self) -> None:
        audit(self.venue.state)


def test_shares_are_never_diluted(seed: int) -> None:
    machine = hypothesis.seed(seed)(VaultMachine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, database=None, print_blob=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )  # fmt: skip
    assert min(seen["taken"], seen["paid"]) > 0, seen


@hypothesis.given(
    st.integers(1, 2**63 - 1), st.integers(0, 10**20), st.integers(0, 10**20), st.integers(1, 2**63 - 1)
)
def test_buying_and_selling_round_against_who_moves(amount: int, equity: int, total: int, sold: int) -> None:
    shares = shares_for(amount, equity, total)
    assert (equity + amount + VIRTUAL) * (total + VIRTUAL) >= (equity + VIRTUAL) * (total + shares + VIRTUAL)
    sold = min(sold, total)
    paid = worth(sold, equity, total)
    assert (equity - paid + VIRTUAL) * (total + VIRTUAL) >= (equity + VIRTUAL) * (total - sold + VIRTUAL)
    assert shares_paid(paid, equity, total) <= max(sold, 1)
    assert worth(shares, equity + amount, total + shares) <= amount


@hypothesis.given(st.integers(10_000_000, 10**12), st.integers(0, 10**15), st.integers(10_000_000, 10**13))
def test_a_donation_costs_the_first_depositor_more_than_it_takes_from_the_next(first: int, donated: int, victim: int) -> None:
    """The attack on vaults: be first, give the vault money, and have the next one's shares round away."""
    mine = shares_for(first, 0, 0)
    equity = first + donated
    theirs = shares_for(victim, equity, mine)
    equity, total = equity + victim, mine + theirs
    assert worth(mine, equity, total) <= first + donated
    assert victim - worth(theirs, equity, total) <= (equity + VIRTUAL) // (total + VIRTUAL) + 1
