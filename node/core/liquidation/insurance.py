"""Step 5: the insurance fund covers what an estate owes beyond its worth, as far as its own margin leaves it money."""

from node.core.liquidation.estate import Estate, pay
from node.core.margin.account import summary
from node.core.state import State
from proto.events import BalanceReason
from proto.ids import INSURANCE_ACCOUNT
from proto.units import MicroUsd
from proto.waterfall_events import ShortfallCovered


def cover(state: State, estate: Estate, missing: int) -> int:
    """Pay up to `missing` (> 0) into the estate. Returns what is still missing."""
    covered = min(missing, summary(state, state.accounts[INSURANCE_ACCOUNT]).free)
    if covered > 0:
        pay(state, estate, INSURANCE_ACCOUNT, -covered, BalanceReason.SHORTFALL_COVERED)
        state.events.append(ShortfallCovered(estate.account.id, estate.market, MicroUsd(covered)))
    return missing - covered
