"""Torn and flipped bytes in a real LevelDB directory: everything is there, or opening (or reading) says what is wrong. Nothing silent.

The database is made of several log files and tables, so that damage hits logs, tables, manifest and witness. What opens is compared
row by row with what was acknowledged.
"""

import random
import shutil
from pathlib import Path

import pytest

from node.store.errors import StoreCorrupt, StoreError
from node.store.settings import StoreSettings
from node.store.store import Store, open_store
from tests.store.rows import GENESIS, Writer, fill, leaves

TEARS, FLIPS = 2_000, 500
CAMPAIGN_TEARS = 65_536


def settings(path: Path, verify_batches: int = 0) -> StoreSettings:
    """Small memtables, so that tables appear early."""
    return StoreSettings(path, verify_batches=verify_batches, write_buffer_bytes=64 * 1_024)


class Specimen:
    """A store on disk, and everything that it must contain."""

    def __init__(self, path: Path, seed: int) -> None:
        rng = random.Random(seed)
        self.path = path
        # Twice opened: LevelDB turns its log into a table when it is opened, so that both kinds of file hold rows.
        store = open_store(settings(path), GENESIS)
        fill(store, rng, 120)
        store.close()
        store = open_store(settings(path), GENESIS)
        writer = Writer(store)
        for number in range(60):
            writer.cycle([rng.randbytes(rng.randint(1, 400)) for _ in range(rng.randint(1, 20))])
            if number % 9 == 8:
                writer.seal(leaves(rng, 20))
        self.end = writer.end
        self.content = content(store)
        store.close()
        self.files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size > 0)

    def log(self) -> Path:
        """The write-ahead log that was being written."""
        return max((file for file in self.files if file.suffix == ".log"), key=lambda file: file.name)


def content(store: Store) -> list[object]:
    """Every row that a node may read."""
    last = store.seals.last()
    assert last is not None
    records = list(store.journal.records(1, store.journal.last_record_seq()))
    return [records, list(store.journal.cycles(1)), list(store.seals.headers()), list(store.seals.leaves())]


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    return Specimen(tmp_path_factory.mktemp("specimen"), 20_250)


def outcome(specimen: Specimen, work: Path, damaged: Path, data: bytes, verify_batches: int = 0) -> str:
    """Open a copy in which one file has other bytes: `whole`, or the refusal."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(specimen.path, work)
    (work / damaged.relative_to(specimen.path)).write_bytes(data)
    try:
        store = open_store(settings(work, verify_batches), GENESIS)
    except StoreError as error:
        return f"{type(error).__name__}: {error}"
    try:
        assert content(store) == specimen.content, "something acknowledged is missing or altered, and nobody said so"
        assert store.end == specimen.end
    except StoreCorrupt as error:
        return f"{type(error).__name__} while reading: {error}"
    finally:
        store.close()
    return "whole"


def tears(specimen: Specimen, work: Path, cuts: list[int]) -> dict[str, int]:
    """Cut the log's end off at each of `cuts` bytes; how often which answer came."""
    log = specimen.log()
    data = log.read_bytes()
    answers: dict[str, int] = {}
    for cut in cuts:
        # What a tear takes away is missed however little of the journal is hashed again.
        answer = outcome(specimen, work, log, data[: len(data) - cut], verify_batches=1).split(" ")[0]
        answers[answer] = answers.get(answer, 0) + 1
    return answers


def test_torn_logs_never_lose_an_acknowledged_input(specimen: Specimen, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    size = min(specimen.log().stat().st_size, 65_536)
    answers = tears(specimen, tmp_path / "work", [*range(1, 40), *(rng.randint(1, size) for _ in range(TEARS - 39))])
    # Every byte of the log belongs to an acknowledged cycle or a seal, so every tear must be noticed.
    assert answers == {"StoreCorrupt:": TEARS}


def test_flipped_bytes_are_never_silent(specimen: Specimen, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    noticed = 0
    for _ in range(FLIPS):
        file = rng.choice(specimen.files)
        data = bytearray(file.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        noticed += outcome(specimen, tmp_path / "work", file, bytes(data)) != "whole"
    # Flips in LOCK, in LevelDB's text log or in the older witness slot do no harm; most others do.
    assert noticed > FLIPS // 4


def test_zeroed_sectors_are_never_silent(specimen: Specimen, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        file = rng.choice(specimen.files)
        data = bytearray(file.read_bytes())
        at = rng.randrange(0, len(data), 512)
        data[at : at + 512] = bytes(len(data[at : at + 512]))
        outcome(specimen, tmp_path / "work", file, bytes(data))


def test_every_lost_file_is_noticed_or_needless(specimen: Specimen, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for file in specimen.files:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(specimen.path, work)
        (work / file.relative_to(specimen.path)).unlink()
        try:
            store = open_store(settings(work), GENESIS)
        except StoreError:
            continue
        assert content(store) == specimen.content, f"{file.name} is lost and nobody said so"
        store.close()


@pytest.mark.campaign
@pytest.mark.timeout(7_200)
def test_every_tear_of_the_last_64_kib(specimen: Specimen, tmp_path: Path) -> None:
    size = min(specimen.log().stat().st_size, CAMPAIGN_TEARS)
    assert tears(specimen, tmp_path / "work", list(range(1, size + 1))) == {"StoreCorrupt:": size}
