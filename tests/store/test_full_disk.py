"""A real file system that refuses to grow a file: the process stops at the first error, and what it acknowledged is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from node.store.settings import StoreSettings
from node.store.store import open_store
from tests.store.rows import GENESIS

PROGRAM = """
import resource, signal, sys
from pathlib import Path
from node.store.errors import StoreFailed
from node.store.settings import StoreSettings
from node.store.store import open_store
from tests.store.rows import GENESIS, Writer
store = open_store(StoreSettings(Path(sys.argv[1])), GENESIS)
writer = Writer(store)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    while True:
        writer.cycle([bytes([number]) * 100 for number in range(7)])
        print(writer.acknowledged, flush=True)
except StoreFailed as error:
    print(error, file=sys.stderr)
try:
    writer.cycle([b"late"])
    print(writer.acknowledged + 1_000_000, flush=True)
except StoreFailed:
    sys.exit(3)
"""


@pytest.mark.parametrize("limit", [5_000, 32_768, 40_001, 100_000])
def test_a_full_disk_ends_the_process_and_loses_nothing(tmp_path: Path, limit: int) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(limit)]
    done = subprocess.run(command, capture_output=True, cwd=root, check=False, timeout=60)
    assert done.returncode == 3, done.stderr.decode()
    assert b"failed to write" in done.stderr
    acknowledged = max(map(int, done.stdout.split()), default=0)
    assert acknowledged < 1_000_000, "a write after the failed one was acknowledged"
    store = open_store(StoreSettings(tmp_path, verify_batches=0), GENESIS)
    assert acknowledged <= store.end.seq <= acknowledged + 7
    assert len(list(store.journal.records(1, store.end.seq))) == store.end.seq
    store.close()
