"""A publisher's file: what it reads, and how it reports. Nothing here is part of the rules.

report_ms = 500                     # and the other fields of PublisherSettings but `url`
[least]                             # sources that must have a price, 1 where nothing is said
BTC = 2
[[sources]]
index = "BTC"                       # an underlying or a market of the genesis
exchange = "binance"                # a venue of ccxt, with the other fields of VenueWanted,
symbol = "BTC/USDT"
[[sources]]
index = "ES"
bars = "es.csv.gz"                  # or recorded bars and their speed,
[[sources]]
index = "ETH"
walk = 1                            # or the built-in path with its seed.
"""

from dataclasses import dataclass, fields
from pathlib import Path

from node.config.operator import fill
from node.config.reading import ConfigError, Table, read_toml
from node.core.params import Params
from node.oracle.choose import index_named
from node.oracle.settings import PublisherSettings
from node.oracle.source import SourceInvalid
from node.oracle.wanted import BarsWanted, VenueWanted, WalkWanted, Wanted
from proto.ids import IndexId


@dataclass(frozen=True, slots=True)
class PublisherFile:
    """What a file says."""

    settings: PublisherSettings
    sources: tuple[Wanted, ...]
    least: dict[IndexId, int]


def load_publisher(path: Path, params: Params, url: str) -> PublisherFile:
    """Read a publisher's file; paths in it are relative to it. Raises ConfigError naming the key."""
    table = Table(read_toml(path), path.name)
    try:
        sources = tuple(_source(row, params, path.parent) for row in table.tables("sources"))
        asked = table.table("least", optional=True)
        names = [*(index.name for index in params.indices), *(market.name for market in params.markets)]
        least = {index_named(params, name): asked.integer(name, least=1) for name in names if asked.has(name)}
        asked.done()
        # Real sources differ by themselves: no error is added unless it is asked for.
        own = {item.name: table.integer(item.name) for item in fields(PublisherSettings) if table.has(item.name)}
        settings = PublisherSettings(url=url, **({"noise_ppm": 0} | own))
    except (SourceInvalid, ValueError) as error:
        raise ConfigError(str(error)) from None
    table.done()
    if not sources:
        raise ConfigError(f"{path.name}.sources: at least one")
    return PublisherFile(settings, sources, least)


def _source(row: Table, params: Params, directory: Path) -> Wanted:
    index = index_named(params, row.text("index"))
    if row.has("exchange"):
        return fill(VenueWanted, row, index=index)
    if row.has("bars"):
        file = Path(row.text("bars"))
        speed = row.number("speed") if row.has("speed") else 1.0
        row.done()
        return BarsWanted(index=index, file=directory / file, speed=speed)
    seed = row.integer("walk")
    row.done()
    return WalkWanted(index=index, seed=seed)
