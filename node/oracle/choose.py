"""From what the operator asks for (`FILE`, `MARKET=FILE`) to one source per index."""

from collections.abc import Sequence
from pathlib import Path

from node.core.params import IndexParams, MarketParams, Params
from node.oracle.bars import BarSource, read_bars
from node.oracle.source import Source, SourceInvalid
from node.oracle.walk import WalkSource
from proto.ids import IndexId
from proto.units import TimeMs


def choose_files(params: Params, wanted: Sequence[str]) -> dict[IndexId, Path]:
    """The file for each index that has one. A bare FILE goes to the first market. Raises SourceInvalid."""
    files: dict[IndexId, Path] = {}
    for item in wanted:
        name, separator, file = item.partition("=")
        index = _index(params, name) if separator else params.markets[0].index
        if index in files:
            raise SourceInvalid(f"{item}: that underlying has a file already ({files[index]})")
        files[index] = Path(file if separator else name)
    return files


def _index(params: Params, name: str) -> IndexId:
    """The underlying of a market's or an index's name."""
    rows: tuple[MarketParams | IndexParams, ...] = (*params.markets, *params.indices)
    for row in rows:
        if row.name == name:
            return row.index if isinstance(row, MarketParams) else row.id
    raise SourceInvalid(f"{name}: no such market ({', '.join(market.name for market in params.markets)})")


def choose_sources(
    params: Params, wanted: Sequence[str], *, seed: int, start: TimeMs, speed: float
) -> dict[IndexId, Source]:
    """Every index gets its file's bars, or the built-in path. Files are read here. Raises SourceInvalid."""
    files = choose_files(params, wanted)
    sources: dict[IndexId, Source] = {}
    for index in params.indices:
        path = files.get(index.id)
        sources[index.id] = WalkSource(index.name, seed) if path is None else BarSource(read_bars(path), start, speed)
    return sources
