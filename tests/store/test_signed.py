"""The record of what a key has signed: never two things for one height, whatever happens to the process or the file."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.store.errors import StoreCorrupt, StoreError, StoreFailed, StoreLocked, StoreMismatch
from node.store.signed import HEIGHTS_KEPT, SLOT_STRIDE_BYTES, SignedHeights, WouldContradict
from proto.hashing import keccak
from proto.ids import Address
from proto.signing.eip712 import Domain

KEY = Address(b"\x0a" * 20)
DOMAIN = Domain(31337, Address(b"\x0c" * 20))


def digest(number: int) -> bytes:
    return keccak(number.to_bytes(8, "big"))


def opened(directory: Path, *, moved: bool = False) -> SignedHeights:
    return SignedHeights(directory, KEY, DOMAIN, moved=moved)


def test_heights_rise_and_each_has_one_digest(tmp_path: Path) -> None:
    record = opened(tmp_path)
    assert record.newest == 0
    record.record(3, digest(3))
    record.record(3, digest(3))
    record.record(7, digest(7))
    for height, other in ((7, digest(8)), (3, digest(4))):
        with pytest.raises(WouldContradict, match="has signed 0x") as refused:
            record.record(height, other)
        assert refused.value.recorded == digest(height)
    for height in (1, 5):
        with pytest.raises(WouldContradict, match="is past it"):
            record.record(height, digest(height))
    record.record(3, digest(3))  # The same again is no second thing.
    record.close()
    again = opened(tmp_path)
    assert (again.newest, again.entries()) == (7, [(3, digest(3)), (7, digest(7))])
    with pytest.raises(WouldContradict):
        again.record(7, digest(8))
    again.close()


def test_what_others_saw_counts(tmp_path: Path) -> None:
    record = opened(tmp_path)
    record.record(3, digest(3))
    record.skip_to(2, digest(9))  # Long past: nothing to learn.
    record.skip_to(9, digest(9))
    with pytest.raises(WouldContradict):
        record.record(8, digest(8))
    with pytest.raises(WouldContradict):
        record.skip_to(9, digest(10))
    record.close()


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    record = opened(tmp_path)
    for height in range(1, HEIGHTS_KEPT + 11):
        record.record(height, digest(height))
    assert [height for height, _ in record.entries()] == list(range(11, HEIGHTS_KEPT + 11))
    assert record.path.stat().st_size <= 2 * SLOT_STRIDE_BYTES + 16
    with pytest.raises(WouldContradict):
        record.record(10, digest(10))
    record.close()
    again = opened(tmp_path)
    assert len(again.entries()) == HEIGHTS_KEPT
    again.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    record = opened(tmp_path)
    with pytest.raises(StoreLocked, match="one process only"):
        opened(tmp_path)
    record.close()
    opened(tmp_path).close()


def test_a_copied_record_is_refused_until_it_was_moved(tmp_path: Path) -> None:
    record = opened(tmp_path / "here")
    record.record(5, digest(5))
    record.close()
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    with pytest.raises(StoreMismatch, match="copied from another place"):
        opened(tmp_path / "there")
    moved = opened(tmp_path / "there", moved=True)
    assert moved.newest == 5
    moved.close()
    opened(tmp_path / "there").close()  # From now on this is its place.
    opened(tmp_path / "here").close()


def test_another_venue_or_key_has_another_record(tmp_path: Path) -> None:
    record = opened(tmp_path)
    record.record(5, digest(5))
    record.close()
    with pytest.raises(StoreMismatch, match="another key, chain or contract"):
        SignedHeights(tmp_path, KEY, Domain(1, DOMAIN.contract))
    other = SignedHeights(tmp_path, Address(b"\x0b" * 20), DOMAIN)
    assert other.newest == 0
    other.close()


def test_damage_is_never_an_empty_record(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    record = opened(tmp_path)
    for height in range(1, 6):
        record.record(height, digest(height))
    path = record.path
    record.close()
    whole = path.read_bytes()
    used = 8 + 4 + 20 + 32 + 32 + 2
    newest = 1 if whole[4:12] < whole[SLOT_STRIDE_BYTES + 4 : SLOT_STRIDE_BYTES + 12] else 0
    for _ in range(300):
        bent = bytearray(whole)
        place, slot = rng.choice(("mark", "slot", "slot")), rng.randrange(2)
        at = (
            2 * SLOT_STRIDE_BYTES + rng.randrange(16)
            if place == "mark"
            else slot * SLOT_STRIDE_BYTES + rng.randrange(used)
        )
        bent[at] ^= 1 << rng.randrange(8)
        with path.open("r+b") as file:  # The same inode.
            file.write(bent)
        if place == "slot" and slot == newest:
            with pytest.raises(StoreCorrupt, match="nobody knows what this key has signed"):
                opened(tmp_path)
        else:
            found = opened(tmp_path)
            assert found.entries() == [(height, digest(height)) for height in range(1, 6)]
            found.close()
        with path.open("r+b") as file:
            file.write(whole)
    for size in (0, 10, 100):
        with path.open("r+b") as file:
            file.truncate(size)
        with pytest.raises(StoreCorrupt, match="nobody knows what this key has signed"):
            opened(tmp_path)


def test_a_failed_write_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = opened(tmp_path)
    record.record(1, digest(1))

    def fail(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(StoreFailed, match="Input/output error"):
        record.record(2, digest(2))
    assert record.digest_at(2) is None
    record.close()


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.store.test_signed import digest, opened
kill_at, part, count = int(sys.argv[2]), float(sys.argv[3]), 0
real_write, real_sync = os.pwrite, os.fdatasync

def step():
    global count
    count += 1
    return count == kill_at

def write(fd, data, at):
    if step():
        real_write(fd, data[: int(len(data) * part)], at)
        os.kill(os.getpid(), signal.SIGKILL)
    return real_write(fd, data, at)

def sync(fd):
    if step():
        os.kill(os.getpid(), signal.SIGKILL)
    real_sync(fd)
    if step():
        os.kill(os.getpid(), signal.SIGKILL)

os.pwrite, os.fdatasync = write, sync
record = opened(Path(sys.argv[1]))
for height in range(record.newest + 1, 7):
    record.record(height, digest(height))
    print(height, flush=True)  # The signature leaves.
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.99, 1.0])
def test_killed_at_every_write(tmp_path: Path, part: float) -> None:
    """kill -9 before, inside and after each write and sync: what has left is recorded, and nothing else may be signed there."""
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    for kill_at in (*range(1, 14), 17, 99):
        directory = tmp_path / str(kill_at)
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(directory), str(kill_at), str(part)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode in (0, -signal.SIGKILL), run.stderr
        signed = [int(line) for line in run.stdout.split()]
        assert (run.returncode == 0) == (signed == list(range(1, 7)))
        record = opened(directory)
        assert record.newest in (len(signed), len(signed) + 1)
        for height in signed:
            with pytest.raises(WouldContradict):
                record.record(height, digest(1_000 + height))
            record.record(height, digest(height))
        record.record(record.newest + 1, digest(77))
        record.close()


def test_errors_are_store_errors() -> None:
    assert issubclass(WouldContradict, StoreError)
