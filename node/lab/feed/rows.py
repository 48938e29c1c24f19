"""Rows of a recorded order flow: a CSV file, plain or gzipped, read strictly.

Columns (by name, in any order; others are passed over): `time_us`; `kind`; `order` number; `side` B or A; `price_ticks`; `size`; `fills`.
Kinds: A adds a resting order, X cancels one, R reduces its size in place, M replaces price or size (to the back of its queue), T is an
aggressive order whose real fills are in `fills`, `maker:price_ticks:size` joined by `;`. X needs no side, price or size.
Whatever cannot be read is refused with its line and column; nothing is guessed.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from proto.intents import Side
from proto.units import CLIENT_ID_MAX, LOTS_MAX, MICRO_PRICE_MAX, MICRO_USD_PER_USD, U64_MAX

COLUMNS: Final = ("time_us", "kind", "order", "side", "price_ticks", "size", "fills")
ADD, CANCEL, REDUCE, REPLACE, TAKE = "A", "X", "R", "M", "T"
TICKS_MAX: Final = MICRO_PRICE_MAX // MICRO_USD_PER_USD
"""One tick is one USDC; the index price must be able to follow."""
_SIDES: Final = {"B": Side.BUY, "A": Side.SELL}
_GZIP_MAGIC: Final = b"\x1f\x8b"


class FeedFileError(Exception):
    """The file cannot be read; the message names file, line and column."""


class Fill(NamedTuple):
    """One real fill of an aggressive order."""

    maker: int
    price_ticks: int
    size: int


class Row(NamedTuple):
    """One recorded command. A cancel has price and size 0."""

    line: int
    time_us: int
    kind: str
    order: int
    side: Side
    price_ticks: int
    size: int
    fills: tuple[Fill, ...]


class _CellError(Exception):
    """What is wrong in one column."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column = column


def read_rows(path: Path, limit: int | None = None) -> Iterator[Row]:
    """The first `limit` rows (all where None), in file order. Raises FeedFileError."""
    line = 0
    try:
        with _open(path) as text:
            reader = csv.reader(text, strict=True)
            header = next(reader, None)
            line = reader.line_num
            places = _places(path, header)
            width = len(header or ())
            for cells in islice((cells for cells in reader if cells), limit):
                line = reader.line_num
                if len(cells) != width:
                    raise FeedFileError(f"{path}, line {line}: {len(cells)} columns, the header has {width}")
                yield _row(line, [cells[place] for place in places])
    except _CellError as error:
        raise FeedFileError(f"{path}, line {line}, column {error.column}: {error}") from error
    except UnicodeDecodeError as error:
        raise FeedFileError(f"{path}, after line {line}: not text ({error.reason})") from error
    except (csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FeedFileError(f"{path}, after line {line}: {error}") from error
    except OSError as error:
        raise FeedFileError(f"{path} cannot be read: {error.strerror or error}") from error


def _open(path: Path) -> TextIO:
    """Text of a plain or gzipped file, told apart by content."""
    with path.open("rb") as raw:
        magic = raw.read(len(_GZIP_MAGIC))
    if magic == _GZIP_MAGIC:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _places(path: Path, header: Sequence[str] | None) -> list[int]:
    """Where each of COLUMNS stands."""
    if header is None:
        raise FeedFileError(f"{path}, line 1: the file is empty; a header with {','.join(COLUMNS)} is needed")
    names = [name.strip() for name in header]
    for column in COLUMNS:
        if names.count(column) != 1:
            raise FeedFileError(
                f"{path}, line 1, column {column}: {names.count(column)} columns have this name in the header, not 1"
            )
    return [names.index(column) for column in COLUMNS]


def _row(line: int, cells: list[str]) -> Row:
    time_us, kind, order, side, price, size, fills = cells
    time = _number("time_us", time_us, 0, U64_MAX)
    number = _number("order", order, 1, CLIENT_ID_MAX)
    if kind == CANCEL:
        return Row(line, time, kind, number, Side.BUY, 0, 0, ())
    if kind not in (ADD, REDUCE, REPLACE, TAKE):
        raise _CellError("kind", f"{kind[:20]!r} is none of A, X, R, M, T")
    if side not in _SIDES:
        raise _CellError("side", f"{side[:20]!r} is neither B nor A")
    ticks = _number("price_ticks", price, 1, TICKS_MAX)
    lots = _number("size", size, 1, LOTS_MAX)
    if kind == TAKE:
        return Row(line, time, kind, number, _SIDES[side], ticks, lots, _fills(fills))
    if fills:
        raise _CellError("fills", f"only an aggressive order (T) has fills, not {kind}")
    return Row(line, time, kind, number, _SIDES[side], ticks, lots, ())


def _number(column: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 39):
        raise _CellError(column, f"{text[:20]!r} is not a whole number")
    value = int(text)
    if not least <= value <= most:
        raise _CellError(column, f"{value} is not in {least}..{most}")
    return value


def _fills(text: str) -> tuple[Fill, ...]:
    """Fills in `maker:price_ticks:size;...`, none where the text is empty."""
    if not text:
        return ()
    found: list[Fill] = []
    for part in text.split(";"):
        numbers = part.split(":")
        if len(numbers) != 3:
            raise _CellError("fills", f"{part[:40]!r} is not maker:price_ticks:size")
        maker, price, size = numbers
        found.append(
            Fill(
                _number("fills", maker, 1, CLIENT_ID_MAX),
                _number("fills", price, 1, TICKS_MAX),
                _number("fills", size, 1, LOTS_MAX),
            )
        )
    return tuple(found)
