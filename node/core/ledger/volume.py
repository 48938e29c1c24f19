"""What an account has traded, day by day, and the fees that this earns it.

A master's volume counts all of its sub-accounts, as taker and as maker, liquidations excepted. The tier is that of the 30 whole UTC days
before today: it changes at midnight and at no other moment, so that two orders of one day pay the same.
Invariants: a day older than 30 is dropped when the next day's first trade is counted; `fee_day` and `fee_rates` are a function of the days.
"""

from typing import Final

from node.core.num import div_floor
from node.core.state import Account, State
from proto.ledger import Section
from proto.units import MicroUsd, Ppm

DAY_MS: Final = 86_400_000
DAYS: Final = 30


def day_of(time: int) -> int:
    """UTC days since the epoch."""
    return div_floor(time, DAY_MS)


def payer(state: State, account: Account) -> Account:
    """Whose volume and tier count for the account: its master's."""
    return state.accounts[account.master] if account.master else account


def volume_of(account: Account, day: int) -> int:
    """Micro-USDC traded in the 30 days before `day`."""
    return sum(amount for number, amount in account.volumes.items() if day - DAYS <= number < day)


def rates_of(state: State, tier: int) -> tuple[Ppm, Ppm]:
    """Taker and maker rate of a tier; 0 is the base."""
    fees = state.params.fees
    return (fees.tiers[tier - 1].taker_ppm, fees.tiers[tier - 1].maker_ppm) if tier else (fees.taker_ppm, fees.maker_ppm)


def tier_now(state: State, account: Account) -> int:
    """The account's tier at the state's time, without writing: for whoever looks from outside."""
    return tier_of(state, volume_of(payer(state, account), day_of(state.time)))


def tier_of(state: State, volume: int) -> int:
    """Number of the tier that a volume reaches; 0 is the base."""
    return sum(volume >= tier.volume for tier in state.params.fees.tiers)


def traded(state: State, account: Account, notional: int) -> tuple[Ppm, Ppm]:
    """Add a trade to today's volume of the account's master. Returns the taker and the maker rate that hold today."""
    fees = state.params.fees
    if not fees.tiers:
        return fees.taker_ppm, fees.maker_ppm
    master, day = state.accounts[account.master] if account.master else account, day_of(state.time)
    if master.fee_day != day:
        _new_day(state, master, day)
    master.volumes[day] = MicroUsd(master.volumes.get(day, 0) + notional)
    state.touched[Section.VENUE_ACCOUNTS][master.id] = None
    return master.fee_rates


def _new_day(state: State, master: Account, day: int) -> None:
    master.fee_day, master.fee_rates = day, rates_of(state, tier_of(state, volume_of(master, day)))
    for old in [number for number in master.volumes if number < day - DAYS]:
        del master.volumes[old]
