"""How the trading commands find the node and the key.

Node: --url, else NOVATE_URL, else the devnet.json of --data-dir if there is one, else ws://127.0.0.1:8080/v1/ws.
Key: --key FILE of the keystore, else --dev-account N of the public development mnemonic (0 to 9 are funded on a devnet; the default is 0).
"""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import click
import uvloop

from node.cli.key import read_password
from node.cli.output import EXIT_FALSE, fail
from node.client.amounts import AmountError
from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError, RefusedError
from node.client.settings import ClientSettings
from node.ops.keystore import DEVELOPMENT_CHAIN_IDS, KeystoreError, development_keys, load_key
from proto.ids import ADDRESS_BYTES, Address
from proto.signing.secp256k1 import SigningKey

DEFAULT_URL: Final = "ws://127.0.0.1:8080/v1/ws"
DEVNET_DIR: Final = Path("devnet-data")
CONNECT_S: Final = 5.0
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Where:
    """The node to talk to, and whose key signs."""

    url: str
    key: SigningKey | None


def node_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say where the node is."""
    data_dir = click.option(
        "--data-dir", type=click.Path(path_type=Path, file_okay=False), default=DEVNET_DIR, show_default=True
    )
    return click.option("--url", envvar="NOVATE_URL", help=f"WebSocket address of the node [{DEFAULT_URL}].")(
        data_dir(command)
    )


def key_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say who signs."""
    key = click.option("--key", "key_file", type=click.Path(path_type=Path, dir_okay=False), help="Keystore file.")
    password = click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
    return key(
        password(click.option("--dev-account", type=click.IntRange(0, 999), help="Development account [0].")(command))
    )


def find_url(url: str | None, data_dir: Path) -> str:
    """The node's address."""
    if url:
        return url
    try:
        facts = json.loads((data_dir / "devnet.json").read_text(encoding="utf-8"))
        return f"ws://127.0.0.1:{int(facts['ports']['http'])}/v1/ws"
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_URL


def find_key(key_file: Path | None, password_file: Path | None, dev_account: int | None) -> SigningKey:
    """The signing key. Ends the program where there is none."""
    try:
        if key_file is not None:
            return load_key(key_file, read_password(password_file, confirm=False))
        index = dev_account or 0
        return development_keys(DEVELOPMENT_CHAIN_IDS[0], index + 1)[index]
    except KeystoreError as error:
        fail(str(error))


def address_of(text: str) -> Address:
    """A 20-byte address typed by a person. Ends the program where it is none."""
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != ADDRESS_BYTES:
        fail(f"{text} is not an address: 0x and 40 hex digits are expected.")
    return Address(value)


def talk(where: Where, program: Callable[[NovateClient], Awaitable[T]]) -> T:
    """Connect, run `program` with the client, disconnect. Refusals and outages end the program with what to do next."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_talk(where, program))
    except RefusedError as error:
        facts = {"code": error.code, "name": error.name, "detail": error.detail, "seq": error.seq}
        fail(f"refused: {error}", EXIT_FALSE, **facts, retry_can_help=error.retry_can_help)
    except (TimeoutError, NotConnectedError):
        fail(f"no node answers at {where.url}. Start one with `novate devnet`, or name it with --url.")
    except (OutcomeUnknownError, ProtocolError, AmountError) as error:
        fail(str(error))


async def _talk(where: Where, program: Callable[[NovateClient], Awaitable[T]]) -> T:
    async with NovateClient(where.url, where.key, settings=ClientSettings(connect_s=CONNECT_S)) as client:
        _refuse_public_key(client, where)
        return await program(client)


def _refuse_public_key(client: NovateClient, where: Where) -> None:
    """A development key must not sign for a chain where its secret would matter."""
    if where.key is None or client.domain.chain_id in DEVELOPMENT_CHAIN_IDS:
        return
    if where.key.address in _development_addresses():
        fail("this is a public development key; on this chain give your own with --key FILE (`novate key new FILE`).")


@functools.cache
def _development_addresses() -> tuple[Address, ...]:
    return tuple(key.address for key in development_keys(DEVELOPMENT_CHAIN_IDS[0], 64))
