"""Signers recovered by other processes: the same inputs in the same order, whatever happens to those processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from node.watcher.prepare import GROUP_RECORDS, WORTHWHILE_RECORDS, BatchInputs, Prepared, Recovery, Unreadable
from proto.batch import Body, Cycle
from proto.ids import Seq
from proto.inputs import SampleTick, encode_record, user_action
from proto.intents import CancelAll, Side
from proto.signing.eip712 import Domain, intent_digest
from proto.signing.secp256k1 import SignatureError
from proto.units import TimeMs
from tests.l1.contracts.rig import CHAIN_ID
from tests.sequencer.venue import TRADERS, order

DOMAIN = Domain(CHAIN_ID, TRADERS[0].address)


def records() -> list[bytes]:
    """More than one group, of every kind: signed, unsigned, forged, unreadable."""
    made = []
    for number in range(WORTHWHILE_RECORDS + GROUP_RECORDS // 2):
        key = TRADERS[number % len(TRADERS)]
        intent = CancelAll(key.address, 1_000 + number, TimeMs(0), order(1, Side.BUY, 1, 1).market)
        action = user_action(intent, key.sign(intent_digest(DOMAIN, intent)))
        match number % 97:
            case 13:
                made.append(encode_record(TimeMs(number), SampleTick()))
            case 29:
                made.append(encode_record(TimeMs(number), replace(action, signature=b"\xff" * 65)))
            case 31:
                made.append(b"\x00no input")
            case _:
                made.append(encode_record(TimeMs(number), action))
    return made


@pytest.fixture(scope="module")
def body() -> Body:
    """One batch of two cycles."""
    made = records()
    return Body(3, Seq(11), (Cycle(Seq(11), tuple(made[:700])), Cycle(Seq(711), tuple(made[700:]))))


@pytest.fixture
def recovery() -> Iterator[Recovery]:
    """Two processes."""
    found = Recovery(DOMAIN, 2)
    yield found
    found.close()


def shown(item: Prepared | Unreadable) -> object:
    """Comparable: errors by their text."""
    if isinstance(item, Unreadable):
        return (item.seq, str(item.problem))
    return (*item[:4], str(item.problem) if isinstance(item.problem, SignatureError) else None)


def test_processes_give_what_this_process_gives(body: Body, recovery: Recovery) -> None:
    here = [shown(item) for item in BatchInputs(body, DOMAIN, None)]
    there = [shown(item) for item in recovery.begin(body)]
    assert there == here
    assert len(here) == sum(len(cycle.records) for cycle in body.cycles)
    assert sum(isinstance(item, Unreadable) for item in BatchInputs(body, DOMAIN, None)) > 5
    assert [item[0] for item in here] == list(range(11, 11 + len(here)))  # type: ignore[index]


def test_killed_processes_cost_time_only(body: Body, recovery: Recovery) -> None:
    here = [shown(item) for item in BatchInputs(body, DOMAIN, None)]
    assert [shown(item) for item in recovery.begin(body)] == here
    begun = recovery.begin(body)
    for pid in recovery.pids():
        os.kill(pid, signal.SIGKILL)
    assert [shown(item) for item in begun] == here
    assert [shown(item) for item in recovery.begin(body)] == here
    assert [shown(item) for item in recovery.begin(body)] == here


PROGRAM = """
import sys
from node.watcher.prepare import Recovery
from tests.watcher.test_recovery import DOMAIN, records
from proto.batch import Body, Cycle
if __name__ == "__main__":
    recovery = Recovery(DOMAIN, 1)
    list(recovery.begin(Body(1, 1, (Cycle(1, tuple(records())),))))
    print(*recovery.pids(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.timeout(120)
def test_processes_end_with_a_parent_that_is_killed(tmp_path: object) -> None:
    program = tmp_path / "parent.py"  # type: ignore[operator]
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(text) for text in parent.stdout.readline().split()]
        parent.kill()
        # The children hold the pipe's other end: it closes when the last of them is gone.
        assert parent.stdout.read() == b""
    assert pids
    assert not any(os.path.exists(f"/proc/{pid}/exe") and _is_child(pid) for pid in pids)


def _is_child(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
