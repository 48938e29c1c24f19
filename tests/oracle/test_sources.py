"""Price paths: repeatable, of the volatility they claim, and recorded bars played point by point."""

import gzip
import itertools
import math
from pathlib import Path

import pytest

from node.config.genesis import find_genesis, load_genesis
from node.oracle.bars import BarSource, read_bars
from node.oracle.chance import normal
from node.oracle.choose import choose_wanted
from node.oracle.source import SourceInvalid
from node.oracle.walk import PERIOD_TICKS, SHAPES, TICK_MS, TICKS_PER_YEAR, WalkSource
from node.oracle.wanted import BarsWanted, WalkWanted
from proto.units import TimeMs

USD = 1_000_000
NOW = TimeMs(1_800_000_000_000)
HEADER = "timestamp,open,high,low,close,volume\n"
DEVNET = load_genesis(find_genesis("devnet"))


async def test_the_walk_depends_on_seed_and_moment_alone() -> None:
    one, other = WalkSource("BTC", 7), WalkSource("BTC", 7)
    times = [TimeMs(NOW + 977 * step) for step in range(50)]
    forward = [await one.price(time) for time in times]
    backward = [await other.price(time) for time in reversed(times)]
    assert forward == backward[::-1]
    assert forward != [await WalkSource("BTC", 8).price(time) for time in times]
    assert forward != [await WalkSource("ETH", 7).price(time) for time in times]


@pytest.mark.parametrize("index", list(SHAPES))
async def test_the_walk_has_the_volatility_it_claims(index: str, seed: int) -> None:
    source = WalkSource(index, seed)
    prices = [await source.price(TimeMs(NOW + TICK_MS * tick)) for tick in range(4_000)]
    returns = [math.log(after / before) for before, after in itertools.pairwise(prices)]
    deviation = math.sqrt(sum(value * value for value in returns) / len(returns))
    # The deviation of 4,000 independent steps is known to 1.1 %; five times that is one run in a million.
    assert deviation * math.sqrt(TICKS_PER_YEAR) == pytest.approx(SHAPES[index].volatility, rel=0.06)


async def test_the_walk_has_no_gap_between_periods() -> None:
    source = WalkSource("BTC", 3)
    edge = NOW // (PERIOD_TICKS * TICK_MS) * PERIOD_TICKS * TICK_MS
    before, at = await source.price(TimeMs(edge - TICK_MS)), await source.price(TimeMs(edge))
    assert at == SHAPES["BTC"].base_usd * USD
    assert before == pytest.approx(at, rel=1e-3)


def test_normal_variates_are_normal() -> None:
    values = [normal(b"test", number) for number in range(20_000)]
    assert sum(values) / len(values) == pytest.approx(0, abs=0.04)
    assert sum(value * value for value in values) / len(values) == pytest.approx(1, rel=0.05)
    assert normal(b"test", 5) == values[5]


def write(path: Path, *rows: str) -> Path:
    """A file of bars."""
    text = HEADER + "".join(f"{row}\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["bars.csv", "bars.csv.gz"])
async def test_bars_walk_from_open_to_high_to_low_to_close(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "t0,100,106,94,103.5,1", "t1,103.5,103.5,100,101,0")
    source = BarSource(read_bars(path), NOW, 1.0)

    async def at(seconds: float) -> float:
        return await source.price(TimeMs(NOW + round(seconds * 1_000))) / USD

    assert await at(-5) == await at(0) == 100
    assert await at(1 / 3) == pytest.approx(106, rel=1e-3)
    assert await at(1 / 2) == pytest.approx(100, rel=1e-3)
    assert await at(2 / 3) == pytest.approx(94, rel=1e-3)
    assert await at(0.999999) == pytest.approx(103.5, rel=1e-3)
    assert await at(1) == 103.5
    assert await at(2) == await at(1e6) == 101
    fast = BarSource(read_bars(path), NOW, 10.0)
    assert await fast.price(TimeMs(NOW + 100)) == 103.5 * USD


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("t0,1,2,0.5", "line 3: 4 columns"),
        ("t0,x,2,0.5,1,0", "line 3: 'x' is not a price"),
        ("t0,nan,2,0.5,1,0", "line 3: price nan is out of range"),
        ("t0,1,2,0,1,0", "line 3: price 0 is out of range"),
        ("t0,1,1e30,1,1,0", "line 3: price 1e30 is out of range"),
        ("t0,3,2,1,1,0", "line 3: open and close must lie between"),
    ],
)
def test_a_wrong_bar_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(SourceInvalid, match=complaint):
        read_bars(write(tmp_path / "bars.csv", "t0,1,2,0.5,1,0", row))


def test_files_that_are_no_bars_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(HEADER)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "short.csv.gz").write_bytes(gzip.compress(HEADER.encode() * 1_000)[:-20])
    for name, complaint in (
        ("empty.csv", "no bars"),
        ("other.csv", "first line"),
        ("short.csv.gz", "short.csv.gz"),
        ("missing.csv", "No such file"),
    ):
        with pytest.raises(SourceInvalid, match=complaint):
            read_bars(tmp_path / name)
    with pytest.raises(SourceInvalid, match="speed"):
        BarSource(read_bars(write(tmp_path / "good.csv", "t0,1,2,0.5,1,0")), NOW, 0.0)


def test_each_index_gets_its_file_or_the_built_in_path(tmp_path: Path) -> None:
    bitcoin, ether = (write(tmp_path / name, "t0,1,2,0.5,1,0") for name in ("b.csv", "e.csv"))
    wanted = [str(bitcoin), f"ETH-PERPETUAL={ether}"]
    chosen = choose_wanted(DEVNET, wanted, seed=1, speed=1.0)
    assert [item.index for item in chosen] == [index.id for index in DEVNET.indices]
    assert [type(item) for item in chosen[:3]] == [BarsWanted, BarsWanted, WalkWanted]
    for bad, complaint in (
        (["XYZ=file"], "no such market"),
        ([str(bitcoin), f"BTC={ether}"], "has a file already"),
    ):
        with pytest.raises(SourceInvalid, match=complaint):
            choose_wanted(DEVNET, bad, seed=1, speed=1.0)


async def test_a_recorded_market_plays(shared_dir: Path) -> None:
    bars = read_bars(shared_dir / "data" / "btc_perp_1m_2022-01a.csv.gz")
    source = BarSource(bars, NOW, 60.0)
    assert len(bars) > 4 * 20_000
    assert await source.price(NOW) == 46_319 * USD
