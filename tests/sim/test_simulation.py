"""Seeded simulation of the whole node: no real time, no socket, no chance but the seed. What may go wrong goes wrong, often.

A world (`tests.sim.world`) holds the real sequencer, store, read models, settlement and watcher, on a disk that tears and fails writes and
forgets what was not synced, and against an L1 that reorganises, stalls and loses transactions. Users of every kind lose requests and
answers and retry; publishers lie, jump and fall silent; hours pass; the process is killed, stopped, and dies of its disk, also while it
starts. What must hold is checked as it happens and again after every restart: see `shadow` (the judge), `feeds`, `life` and `l1`.

That it catches faults was tried by putting these into the code, one at a time; each failed within a few worlds, most in the first:
- replies given before the journal's write; reads answered before what they show is durable; journal writes that are not synced;
- the head witness not advanced, or always in the same slot; a recovered batch with another head; receipts over another root;
- nonces not restored from an account's leaf, or the newest one not saved in it; a unit lost in large transfers;
- a queue item skipped; deposits credited before they are deep enough; deposits kept that a reorganisation dropped;
- a due tick that comes late now and then; liquidations in spite of bad prices;
- stream numbers that begin at zero in each life; an order's row not written after a fill; read models written after the seal.
It found: an alarm at an operator that was only down when work became due; read models left behind by a power cut after a recovery.

A failure prints the seed of its world; `pytest tests/sim -k twice --seed N` repeats that world alone.
"""

import pytest

from tests.sim.world import Report, simulate

EVENTS = 2_000
WORLDS = 5
PARTS = 10
CAMPAIGN_PARTS = 100
CAMPAIGN_WORLDS = 100
_STRIDE = 1_000_003


def one(seed: int) -> Report:
    """Run a world; its seed is in the output of a failure."""
    print(f"world: repeat alone with: -k twice --seed {seed}")
    return simulate(seed, EVENTS)


def many(first: int, count: int) -> None:
    """Run some worlds, which together must have met what the simulation is for."""
    reports = [one(first + number * _STRIDE) for number in range(count)]
    for name in ("acks", "reads", "fills", "kills", "disk failures", "reorganised", "paid", "hours", "retries"):
        assert sum(report.counts[name] for report in reports) > 0, f"no {name} in {count} worlds"
    assert all(report.inputs > EVENTS // 2 for report in reports)


def test_a_world_run_twice_is_the_same(seed: int) -> None:
    assert one(seed) == one(seed)


@pytest.mark.parametrize("part", range(PARTS))
def test_promises_hold_whatever_happens(seed: int, part: int) -> None:
    many(seed + 1 + part * WORLDS * _STRIDE, WORLDS)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("part", range(CAMPAIGN_PARTS))
def test_promises_hold_in_many_worlds(seed: int, part: int) -> None:
    many(seed + 1 + part * CAMPAIGN_WORLDS * _STRIDE, CAMPAIGN_WORLDS)
