"""What the venue risks, for metrics: expected shortfall of all accounts against the insurance fund, sampled beside the writer.

Accounts are looked at a few at a time, between cycles, round after round; figures are of the newest whole round, so they are as old as a
round takes and belong to no single moment. A look is bounded by accounts seen and by accounts that hold positions; nothing here runs in
the writer's path.
"""

import asyncio
from typing import Final, NamedTuple

from node.core.margin.account import equity
from node.core.margin.default_odds import outlook_of
from node.core.num import FIXED
from node.core.state import State
from node.gateway.ports import Writer
from node.ops.metrics import Metrics
from proto.ids import INSURANCE_ACCOUNT, AccountId
from proto.units import MICRO_USD_PER_USD

LOOK_MS: Final = 100
SEEN_MAX: Final = 1_000
"""Account ids per look."""
HELD_MAX: Final = 40
"""Of those, accounts with positions: their estimates cost up to half a millisecond each."""
AT_RISK: Final = FIXED // 100
"""An account counts as at risk from this probability of default on."""


class Round(NamedTuple):
    """Sums over accounts."""

    shortfall: int = 0  # Micro-USDC.
    largest: int = 0  # Probability, 1e-12.
    at_risk: int = 0
    held: int = 0


def look(state: State, cursor: AccountId, so_far: Round) -> tuple[AccountId, Round]:
    """Go on from account `cursor`; the next cursor is 0 where the round is over."""
    held = 0
    for number in range(cursor, min(cursor + SEEN_MAX, state.next_account)):
        account = state.accounts[AccountId(number)]
        if not any(position.size for position in account.positions.values()):
            continue
        found = outlook_of(state, account)
        so_far = Round(
            so_far.shortfall + found.shortfall,
            max(so_far.largest, found.probability),
            so_far.at_risk + (found.probability >= AT_RISK),
            so_far.held + 1,
        )
        held += 1
        if held == HELD_MAX:
            return AccountId(number + 1 if number + 1 < state.next_account else 0), so_far
    cursor = AccountId(cursor + SEEN_MAX)
    return AccountId(cursor if cursor < state.next_account else 0), so_far


class RiskWatch:
    """Looks, and tells Prometheus."""

    def __init__(self, writer: Writer, metrics: Metrics) -> None:
        self._writer = writer
        self._cursor, self._round = AccountId(1), Round()
        self._shortfall = metrics.gauge(
            "expected_shortfall_usd", "Expected loss beyond equity over the liquidation horizon, all accounts."
        )
        self._largest = metrics.gauge("default_probability_max", "Largest probability of default of any account.")
        self._at_risk = metrics.gauge("accounts_at_risk", "Accounts whose probability of default is 1 % or more.")
        self._held = metrics.gauge("accounts_with_positions", "Accounts that hold a position.")
        self._insurance = metrics.gauge("insurance_fund_usd", "Worth of the insurance fund.")
        self._liquidating = metrics.gauge("liquidations_open", "Portfolios in liquidation.")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(LOOK_MS / 1_000)

    def step(self) -> None:
        """One look."""
        self._cursor, self._round = self._writer.peek(lambda state: look(state, self._cursor, self._round))
        if self._cursor == 0:
            self._publish()
            self._cursor, self._round = AccountId(1), Round()

    def _publish(self) -> None:
        insurance, liquidating = self._writer.peek(
            lambda state: (equity(state, state.accounts[INSURANCE_ACCOUNT]), len(state.liquidating))
        )
        self._shortfall.set(self._round.shortfall / MICRO_USD_PER_USD)
        self._largest.set(self._round.largest / FIXED)
        self._at_risk.set(self._round.at_risk)
        self._held.set(self._round.held)
        self._insurance.set(insurance / MICRO_USD_PER_USD)
        self._liquidating.set(liquidating)
