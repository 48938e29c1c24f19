"""One contract for LevelDB and its fake: what is written comes back, in order, atomically; what is wrong is refused with a reason."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from node.store.errors import StoreCorrupt, StoreFailed, StoreLocked, StoreMismatch
from node.store.memory import Fault, MemoryDisk
from node.store.settings import StoreSettings
from node.store.store import Store, open_memory, open_store
from proto.hashing import keccak
from tests.store.rows import GENESIS, Writer, fill, leaves

Open = Callable[[], Store]


@pytest.fixture(params=["leveldb", "memory"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open the same store again and again."""
    if request.param == "memory":
        disk = MemoryDisk()
        return lambda: open_memory(disk, GENESIS)
    return lambda: open_store(StoreSettings(tmp_path / "store", verify_batches=0), GENESIS)


def test_a_history_comes_back(reopen: Open, seed: int) -> None:
    rng = random.Random(seed)
    store = reopen()
    assert store.is_empty
    writer = fill(store, rng, 40)
    expected = list(store.journal.records(1, writer.end.seq))
    cycles, state = list(store.journal.cycles(1)), list(store.seals.leaves())
    store.close()
    store = reopen()
    assert store.end == writer.end
    assert list(store.journal.records(1, writer.end.seq)) == expected
    assert list(store.journal.cycles(1)) == cycles
    assert list(store.seals.leaves()) == state
    assert store.seals.last() == writer.sealed
    assert store.journal.last_cycle() == cycles[-1]
    for row in cycles:
        for seq in (row.first_seq, row.last_seq):
            assert store.journal.cycle_of(seq) == row
            assert store.journal.record(seq) == expected[seq - 1]
            batch = store.seals.batch_of(seq)
            assert batch is None or batch.first_seq <= seq <= batch.last_seq
            assert (batch is None) == (seq > writer.sealed.last_seq)
    assert store.journal.cycle_of(writer.end.seq + 1) is None
    store.close()


def test_leaves_are_those_of_the_last_seal(reopen: Open, seed: int) -> None:
    rng = random.Random(seed)
    writer = Writer(reopen())
    expected = {(0, 1): (b"\1" * 32, b"aux")}
    for _ in range(20):
        changed = list({(section, key): (section, key, leaf, aux) for section, key, leaf, aux in leaves(rng, 30)}.values())
        writer.cycle([b"x"])
        writer.seal(changed)
        for section, key, leaf, aux in changed:
            expected.pop((section, key), None)
            if leaf:
                expected[section, key] = (leaf, aux)
    found = {(section, key): (leaf, aux) for section, key, leaf, aux in writer.store.seals.leaves()}
    assert found == expected
    assert list(found) == sorted(found)
    assert all(writer.store.seals.leaf(*place) == value for place, value in expected.items())
    assert writer.store.seals.leaf(0, 999) is None
    writer.store.close()


def test_tables_scan_both_ways(reopen: Open) -> None:
    store = reopen()
    table, other = store.table("orders"), store.table("order")
    table.put_batch([(bytes([number]), b"v%d" % number) for number in range(10)])
    other.put_batch([(b"\5", b"other")])
    table.put_batch([(b"\3", b"new")], [b"\4"])
    assert [key[0] for key, _ in table.scan()] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert [key[0] for key, _ in table.scan(reverse=True)] == [9, 8, 7, 6, 5, 3, 2, 1, 0]
    assert list(table.scan(b"\2", b"\5")) == [(b"\2", b"v2"), (b"\3", b"new")]
    assert [key[0] for key, _ in table.scan(b"\2", b"\6", reverse=True)] == [5, 3, 2]
    assert (table.get(b"\4"), table.get(b"\5"), other.get(b"\5")) == (None, b"v5", b"other")
    table.clear()
    assert list(table.scan()) == []
    assert list(other.scan()) == [(b"\5", b"other")]
    store.close()


def test_another_genesis_is_refused(tmp_path: Path) -> None:
    store = open_store(StoreSettings(tmp_path), GENESIS)
    Writer(store)
    store.close()
    with pytest.raises(StoreMismatch, match="another genesis"):
        open_store(StoreSettings(tmp_path), keccak(b"other"))


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    store = open_store(StoreSettings(tmp_path), GENESIS)
    program = (
        "import sys; from pathlib import Path\n"
        "from node.store.errors import StoreLocked\n"
        "from node.store.settings import StoreSettings\n"
        "from node.store.store import open_store\n"
        "try: open_store(StoreSettings(Path(sys.argv[1])), bytes(32))\n"
        "except StoreLocked as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=True, timeout=60)
    assert b"uses" in done.stdout
    with pytest.raises(StoreLocked):
        open_store(StoreSettings(tmp_path), GENESIS)
    store.close()
    open_store(StoreSettings(tmp_path), GENESIS).close()


def test_a_lost_database_is_noticed(tmp_path: Path, seed: int) -> None:
    store = open_store(StoreSettings(tmp_path), GENESIS)
    fill(store, random.Random(seed), 3)
    store.close()
    (tmp_path / "db").rename(tmp_path / "gone")
    with pytest.raises(StoreCorrupt, match="database"):
        open_store(StoreSettings(tmp_path), GENESIS)


def test_a_lost_witness_is_noticed(tmp_path: Path, seed: int) -> None:
    store = open_store(StoreSettings(tmp_path), GENESIS)
    fill(store, random.Random(seed), 3)
    store.close()
    (tmp_path / "HEAD").unlink()
    with pytest.raises(StoreCorrupt, match="witness is missing"):
        open_store(StoreSettings(tmp_path), GENESIS)


def test_an_older_database_is_noticed_by_the_witness(seed: int) -> None:
    disk = MemoryDisk()
    writer = fill(open_memory(disk, GENESIS), random.Random(seed), 10)
    older = len(disk.log)
    writer.cycle([b"acknowledged"])
    del disk.log[older:]
    with pytest.raises(StoreCorrupt, match="Acknowledged inputs are lost"):
        open_memory(disk, GENESIS)


def test_another_history_is_noticed_by_the_witness(seed: int) -> None:
    disk = MemoryDisk()
    writer = fill(open_memory(disk, GENESIS), random.Random(seed), 10)
    fork = MemoryDisk(log=bytearray(disk.log), slots=list(disk.slots))
    writer.cycle([b"one"])
    Writer(open_memory(fork, GENESIS)).cycle([b"two"])
    disk.log = fork.log
    with pytest.raises(StoreCorrupt, match="contradicts"):
        open_memory(disk, GENESIS)


def test_one_torn_witness_slot_is_survived_and_two_are_not(seed: int) -> None:
    disk = MemoryDisk()
    writer = fill(open_memory(disk, GENESIS), random.Random(seed), 10)
    newest = max((0, 1), key=lambda at: disk.slots[at][4:12])
    disk.slots[newest] = disk.slots[newest][:20] + bytes(len(disk.slots[newest]) - 20)
    assert open_memory(disk, GENESIS).end == writer.end
    disk.slots = [slot[:-1] + bytes([slot[-1] ^ 1]) for slot in disk.slots]
    with pytest.raises(StoreCorrupt, match="unreadable"):
        open_memory(disk, GENESIS)


def test_nothing_is_written_after_a_failed_write() -> None:
    disk = MemoryDisk()
    store = open_memory(disk, GENESIS)
    writer = Writer(store)
    disk.fault = Fault(disk.writes, 3)
    with pytest.raises(StoreFailed):
        writer.cycle([b"x"])
    with pytest.raises(StoreFailed, match="earlier"):
        store.table("orders").put_batch([(b"k", b"v")])
    with pytest.raises(StoreFailed, match="earlier"):
        writer.seal([])
