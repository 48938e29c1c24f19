"""From what the operator asks for on the command line (`FILE`, `MARKET=FILE`) to one source per index."""

from collections.abc import Sequence
from pathlib import Path

from node.core.params import IndexParams, MarketParams, Params
from node.oracle.source import SourceInvalid
from node.oracle.wanted import BarsWanted, WalkWanted, Wanted
from proto.ids import IndexId


def choose_files(params: Params, wanted: Sequence[str]) -> dict[IndexId, Path]:
    """The file for each index that has one. A bare FILE goes to the first market. Raises SourceInvalid."""
    files: dict[IndexId, Path] = {}
    for item in wanted:
        name, separator, file = item.partition("=")
        index = index_named(params, name) if separator else params.markets[0].index
        if index in files:
            raise SourceInvalid(f"{item}: that underlying has a file already ({files[index]})")
        files[index] = Path(file if separator else name)
    return files


def index_named(params: Params, name: str) -> IndexId:
    """The underlying of a market's or an index's name. Raises SourceInvalid."""
    rows: tuple[MarketParams | IndexParams, ...] = (*params.markets, *params.indices)
    for row in rows:
        if row.name == name:
            return row.index if isinstance(row, MarketParams) else row.id
    raise SourceInvalid(f"{name}: no such market ({', '.join(market.name for market in params.markets)})")


def choose_wanted(params: Params, wanted: Sequence[str], *, seed: int, speed: float) -> tuple[Wanted, ...]:
    """Every index gets its file's bars, or the built-in path. Raises SourceInvalid."""
    files = choose_files(params, wanted)
    chosen: list[Wanted] = []
    for index in params.indices:
        file = files.get(index.id)
        if file is None:
            chosen.append(WalkWanted(index=index.id, seed=seed))
        else:
            chosen.append(BarsWanted(index=index.id, file=file, speed=speed))
    return tuple(chosen)
