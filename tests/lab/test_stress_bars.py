"""Bars of a stress: what is read, and what is refused by its line."""

import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from node.lab.stress.bars import MINUTE_MS, Bar, BarsError, read_bars
from node.lab.stress.paths import PATHS, make_path
from node.lab.stress.run import moments

ROWS = ("2022-01-01 00:00:00,100,101.5,99,100.5,7", "2022-01-01 00:01:00,100.5,100.5,98,98,3")


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "prices.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "head", [(), ("timestamp,open,high,low,close,volume",), ("Date, Open, High, Low, Close, Volume",)]
)
def test_a_line_of_names_may_be_left_out(tmp_path: Path, head: tuple[str, ...]) -> None:
    path = read_bars(written(tmp_path, *head, *ROWS))
    assert (path.start_ms, path.interval_ms) == (1_640_995_200_000, MINUTE_MS)
    assert path.bars[0] == Bar(100_000_000, 101_500_000, 99_000_000, 100_500_000)


def test_names_may_stand_in_any_order_and_volume_may_be_absent(tmp_path: Path) -> None:
    path = read_bars(written(tmp_path, "close,low,high,open,time", "3,1,4,2,1640995200", "3,1,4,2,1640998800"))
    assert path.bars[1] == Bar(2_000_000, 4_000_000, 1_000_000, 3_000_000)
    assert path.interval_ms == 3_600_000


def test_gzip_is_recognised_by_its_bytes_and_gaps_are_closed_up(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_bytes(
        gzip.compress("\n".join((*ROWS, "2022-01-01 00:02:00,98,98,98,98,0", "2022-01-03,98,98,98,98,0")).encode())
    )
    path = read_bars(file)
    assert len(path.bars) == 4
    assert path.interval_ms == MINUTE_MS


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("2022-01-01 00:01:00,100,99,98,100,1", "must lie between low"),
        ("2022-01-01 00:01:00,100,101,99,nan,1", "out of range"),
        ("2022-01-01 00:01:00,100,101,0,100,1", "out of range"),
        ("2022-01-01 00:01:00,100,101,-1,100,1", "out of range"),
        ("2022-01-01 00:01:00,100,abc,99,100,1", "'abc' is not a price"),
        ("2022-01-01 00:01:00,100,101", "3 columns"),
        ("2021-12-31 00:01:00,100,101,99,100,1", "is not after"),
        ("yesterday,100,101,99,100,1", "'yesterday' is not a time"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(BarsError, match=rf"line 3: .*{says}"):
        read_bars(written(tmp_path, "timestamp,open,high,low,close,volume", ROWS[0], row))


def test_a_file_without_bars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match="no bars"):
        read_bars(written(tmp_path, "timestamp,open,high,low,close,volume"))
    with pytest.raises(BarsError, match="cannot be read"):
        read_bars(tmp_path / "absent.csv")


def test_the_order_inside_a_bar() -> None:
    bar = Bar(2, 4, 1, 3)
    assert list(moments(bar, 2, high_first=True)) == [4, 1, 3]
    assert list(moments(bar, 9, high_first=False)) == [2, 1, 4, 3]


@pytest.mark.parametrize("name", sorted(PATHS))
def test_made_paths_follow_their_seed_and_are_bars(name: str) -> None:
    path = make_path(name, 3)
    assert path == make_path(name, 3)
    assert path != make_path(name, 4)
    assert all(0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in path.bars)


def test_a_gap_has_nothing_between_and_a_freeze_no_reports() -> None:
    gap = make_path("gap", 1).bars
    assert any(after.high * 4 < before.low * 3 for before, after in pairwise(gap))
    assert sum(not bar.fed for bar in make_path("freeze", 1).bars) == 20
