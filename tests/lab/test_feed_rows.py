"""Recorded order flow is read exactly or refused with line and column."""

import gzip
from pathlib import Path

import pytest

from node.lab.bench.flow import generate
from node.lab.feed.rows import FeedFileError, Fill, Row, read_rows
from proto.intents import Side
from tests.lab.flow_files import write_flow

HEADER = "time_us,kind,order,side,price_ticks,size,fills\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_every_kind(tmp_path: Path) -> None:
    text = (
        HEADER
        + "0,A,1,B,100,2,\n5,T,2,A,100,3,1:100:2;7:99:1\n6,M,1,B,101,9,\n7,R,1,B,101,4,\n8,X,1,,,,\n9,T,3,B,1,1,\n"
    )
    rows = list(read_rows(write(tmp_path / "flow.csv", text)))
    assert rows == [
        Row(2, 0, "A", 1, Side.BUY, 100, 2, ()),
        Row(3, 5, "T", 2, Side.SELL, 100, 3, (Fill(1, 100, 2), Fill(7, 99, 1))),
        Row(4, 6, "M", 1, Side.BUY, 101, 9, ()),
        Row(5, 7, "R", 1, Side.BUY, 101, 4, ()),
        Row(6, 8, "X", 1, Side.BUY, 0, 0, ()),
        Row(7, 9, "T", 3, Side.BUY, 1, 1, ()),
    ]


def test_gzip_is_told_by_content_and_the_limit_counts_rows(tmp_path: Path) -> None:
    plain = write_flow(tmp_path / "flow.csv", generate(200))
    packed = tmp_path / "no-suffix"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read_rows(packed)) == list(read_rows(plain))
    assert list(read_rows(packed, 7)) == list(read_rows(plain))[:7]
    assert list(read_rows(packed, 0)) == []


def test_columns_are_found_by_name_and_extra_ones_passed_over(tmp_path: Path) -> None:
    text = "note,fills,size,price_ticks,side,order,kind,time_us\r\nhello,,2,100,B,1,A,0\r\n\r\nhello,1:100:1,1,100,A,2,T,3\r\n"
    rows = list(read_rows(write(tmp_path / "flow.csv", text)))
    assert [(row.line, row.kind, row.size) for row in rows] == [(2, "A", 2), (4, "T", 1)]


def test_what_was_generated_comes_back(tmp_path: Path) -> None:
    rows = generate(10_000)
    assert tuple(read_rows(write_flow(tmp_path / "flow.csv", rows))) == rows


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0,Q,1,B,100,2,", "line 3, column kind: 'Q'"),
        ("0,,1,B,100,2,", "line 3, column kind: ''"),
        ("x,A,1,B,100,2,", "line 3, column time_us: 'x'"),
        ("-1,A,1,B,100,2,", "line 3, column time_us: '-1'"),
        ("0,A,0,B,100,2,", "line 3, column order: 0"),
        ("0,A,1e3,B,100,2,", "line 3, column order: '1e3'"),
        ("0,A,1,S,100,2,", "line 3, column side: 'S'"),
        ("0,A,1,B,0,2,", "line 3, column price_ticks: 0"),
        ("0,A,1,B,99.5,2,", "line 3, column price_ticks: '99.5'"),
        ("0,A,1,B,99999999999,2,", "line 3, column price_ticks: 99999999999"),
        ("0,A,1,B,100,0,", "line 3, column size: 0"),
        ("0,R,1,B,100,,", "line 3, column size: ''"),
        ("0,A,1,B,100,2199023255552,", "line 3, column size: 2199023255552"),
        ("0,A,1,B,100,2,3:4:5", "line 3, column fills: only"),
        ("0,T,1,B,100,2,3:4", "line 3, column fills: '3:4'"),
        ("0,T,1,B,100,2,3:4:5;", "line 3, column fills: ''"),
        ("0,T,1,B,100,2,3:4:0", "line 3, column fills: 0"),
        ("0,A,1,B,100,2", "line 3: 6 columns, the header has 7"),
        ("0,A,1,B,100,2,,", "line 3: 8 columns"),
        ('0,A,1,B,100,2,"', "line 2: "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = write(tmp_path / "flow.csv", HEADER + "0,A,1,B,100,2,\n" + line + "\n")
    with pytest.raises(FeedFileError, match=r"flow\.csv") as caught:
        list(read_rows(path))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "line 1: the file is empty"),
        (b"time_us,kind,order,side,price_ticks,fills\n", "line 1, column size: 0 columns"),
        (HEADER.replace("fills", "size").encode(), "line 1, column size: 2 columns"),
        (HEADER.encode() + b"0,A,1,B,100,2,\n\xff\xfe\n", "not text"),
        (gzip.compress(HEADER.encode() + b"0,A,1,B,100,2,\n" * 1_000)[:-20], "after line"),
        (gzip.compress(HEADER.encode(), mtime=0)[:12] + b"\x00\x00garbage", "after line 0"),
    ],
)
def test_a_file_that_is_no_flow_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "flow.csv"
    path.write_bytes(content)
    with pytest.raises(FeedFileError) as caught:
        list(read_rows(path))
    assert complaint in str(caught.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(FeedFileError, match="cannot be read"):
            list(read_rows(path))
