"""Order-flow files for tests: rows as CSV."""

from collections.abc import Iterable
from pathlib import Path

from node.lab.feed.rows import CANCEL, COLUMNS, Row
from node.lab.feed.verdict import show_fills
from proto.intents import Side


def line_of(row: Row) -> str:
    """The file's line of a row."""
    if row.kind == CANCEL:
        return f"{row.time_us},{row.kind},{row.order},,,,"
    side = "B" if row.side == Side.BUY else "A"
    fills = show_fills(row.fills) if row.fills else ""
    return f"{row.time_us},{row.kind},{row.order},{side},{row.price_ticks},{row.size},{fills}"


def write_flow(path: Path, rows: Iterable[Row]) -> Path:
    """A plain CSV file of the rows."""
    lines = [",".join(COLUMNS), *map(line_of, rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
