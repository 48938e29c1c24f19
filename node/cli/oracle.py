"""`novate oracle`: one price publisher."""

import asyncio
import contextlib
import time
from pathlib import Path

import click

from node.cli.connect import address_of
from node.cli.key import read_password
from node.cli.output import EXIT_FALSE, fail
from node.cli.running import cancelled_by, run_until_stopped
from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError, RefusedError
from node.config.genesis import find_genesis, load_genesis
from node.config.publisher import load_publisher
from node.config.reading import ConfigError
from node.core.params import Params
from node.ops.clock import SystemClock
from node.ops.keystore import KeystoreError, development_keys, load_key
from node.ops.logs import configure_logs
from node.ops.metrics import Metrics
from node.oracle.choose import choose_wanted
from node.oracle.publisher import WrongVenue, check_venue
from node.oracle.settings import PublisherSettings
from node.oracle.source import SourceInvalid
from node.oracle.station import Place, Reading, Station
from proto.ids import Address, IndexId
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey
from proto.units import TimeMs


@click.command("oracle")
@click.option("--url", default="ws://127.0.0.1:8080/v1/ws", show_default=True, help="The node's WebSocket.")
@click.option(
    "--genesis", default="devnet", show_default=True, help="A genesis file, or the name of a shipped network."
)
@click.option(
    "--contract", required=True, help="Address of the Novate contract on L1: reports are signed for it alone."
)
@click.option("--key-file", type=click.Path(path_type=Path, dir_okay=False), help="The publisher's key (`novate key`).")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--development-key",
    type=click.IntRange(0, 999),
    help="Instead: a key of the public mnemonic; the devnet's are 20 to 22.",
)
@click.option(
    "--sources",
    "sources_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What to read, and how to report it (TOML): other venues through ccxt, bars, the built-in path.",
)
@click.option(
    "--prices",
    multiple=True,
    metavar="[MARKET=]FILE",
    help="Without a file of sources: bars (CSV, may be .gz) instead of the built-in path.",
)
@click.option("--price-speed", default=1.0, show_default=True, help="Bars played per second.")
@click.option("--price-start-ms", type=int, help="When the first bar begins, ms since the epoch; now if not given.")
@click.option(
    "--seed", default=1, show_default=True, help="Of the built-in path. All publishers of a venue need the same."
)
@click.option("--report-ms", default=500, show_default=True)
@click.option("--noise-ppm", default=20, show_default=True, help="This publisher's own error, standard deviation.")
@click.option(
    "--revoke",
    metavar="ADDRESS",
    help="Instead of publishing: vote to revoke a publisher's key, for ever. The key's own vote is enough, else most of the others'.",
)
@click.option("--metrics-port", type=click.IntRange(1, 65_535), help="Answer GET /metrics on 127.0.0.1 at this port.")
def command(
    *,
    url: str,
    genesis: str,
    contract: str,
    key_file: Path | None,
    password_file: Path | None,
    development_key: int | None,
    sources_file: Path | None,
    prices: tuple[str, ...],
    price_speed: float,
    price_start_ms: int | None,
    seed: int,
    report_ms: int,
    noise_ppm: int,
    revoke: str | None,
    metrics_port: int | None,
) -> None:
    """Publish signed prices to a node until stopped."""
    if sources_file is not None and prices:
        fail("give --sources or --prices, not both")
    try:
        params = load_genesis(find_genesis(genesis))
        domain = Domain(params.chain_id, address_of(contract))
        key = _key(params, key_file, password_file, development_key)
        if revoke is not None:
            _revoke(url, key, domain, address_of(revoke))
            return
        start = TimeMs(time.time_ns() // 1_000_000 if price_start_ms is None else price_start_ms)
        least: dict[IndexId, int] = {}
        if sources_file is not None:
            file = load_publisher(sources_file, params, url)
            settings, wanted, least = file.settings, file.sources, file.least
        else:
            settings = PublisherSettings(url=url, report_ms=report_ms, noise_ppm=noise_ppm)
            wanted = choose_wanted(params, prices, seed=seed, speed=price_speed)
        configure_logs("info")
        metrics = Metrics(process=True)
        names = {index.id: index.name for index in params.indices}
        station = Station(Place(settings, key, domain), Reading(wanted, names, least, start), SystemClock(), metrics)
        page = metrics.served("127.0.0.1", metrics_port) if metrics_port is not None else contextlib.nullcontext()
        with page:
            run_until_stopped(cancelled_by(station.run))
    except (ConfigError, KeystoreError, SourceInvalid, WrongVenue, ValueError, OSError) as error:
        fail(str(error))


def _revoke(url: str, key: SigningKey, domain: Domain, publisher: Address) -> None:
    """Send one vote and say what became of it; exit code 1 where it was refused."""

    async def vote() -> None:
        async with NovateClient(url, key) as client:
            check_venue(url, domain, client.domain)
            await client.revoke_publisher(publisher, TimeMs(time.time_ns() // 1_000_000))

    try:
        asyncio.run(vote())
    except RefusedError as error:
        fail(f"refused: {error}", EXIT_FALSE)
    except (ProtocolError, NotConnectedError, OutcomeUnknownError, TimeoutError) as error:
        fail(f"{url}: {type(error).__name__}: {error}")
    own = publisher == key.address
    click.echo(f"0x{publisher.hex()} is revoked" if own else f"the vote against 0x{publisher.hex()} counts", err=True)


def _key(params: Params, key_file: Path | None, password_file: Path | None, development_key: int | None) -> SigningKey:
    """The publisher's key; it must be one that genesis names."""
    if (key_file is None) == (development_key is None):
        fail("give --key-file or --development-key")
    if key_file is not None:
        key = load_key(key_file, read_password(password_file, confirm=False))
    else:
        assert development_key is not None
        key = development_keys(params.chain_id, development_key + 1)[development_key]
    if all(key.address != publisher.address for publisher in params.publishers):
        fail(f"0x{key.address.hex()} is no publisher of {params.network}; genesis names who is")
    return key
