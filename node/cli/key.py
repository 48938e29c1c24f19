"""`novate key`: the encrypted keystore. A password comes from NOVATE_KEY_PASSWORD, --password-file, or a prompt; never from an argument."""

import os
from pathlib import Path

import click

from node.cli.output import fail, json_option, print_json
from node.ops.keystore import KeystoreError, development_keys, load_key, new_key, save_key
from proto.signing.secp256k1 import SigningKey

PASSWORD_VARIABLE = "NOVATE_KEY_PASSWORD"
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_password = click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.group("key")
def command() -> None:
    """Make, import and show keys of the encrypted keystore (scrypt and AES-256-GCM)."""


def read_password(password_file: Path | None, *, confirm: bool) -> str:
    """The password, from the first place that has one."""
    if password_file is not None:
        return password_file.read_text(encoding="utf-8").rstrip("\n")
    from_environment = os.environ.get(PASSWORD_VARIABLE)
    if from_environment is not None:
        return from_environment
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    return password


@command.command("new")
@_file
@_password
@json_option
def new(*, file: Path, password_file: Path | None, as_json: bool) -> None:
    """Make a fresh key in FILE."""
    _save(file, new_key(), password_file, as_json=as_json)


@command.command("import")
@_file
@_password
@json_option
def import_key(*, file: Path, password_file: Path | None, as_json: bool) -> None:
    """Encrypt an existing key into FILE; the 64 hex digits are asked for, or read from a pipe."""
    text: str = click.prompt("Private key (hex)", hide_input=True, err=True)
    try:
        key = SigningKey(bytes.fromhex(text.strip().removeprefix("0x")))
    except ValueError:
        fail("that is not a private key: 64 hex digits are expected.")
    _save(file, key, password_file, as_json=as_json)


@command.command("show")
@_file
@_password
@json_option
def show(*, file: Path, password_file: Path | None, as_json: bool) -> None:
    """Check that the password opens FILE, and show the key's address."""
    try:
        key = load_key(file, read_password(password_file, confirm=False))
    except KeystoreError as error:
        fail(str(error))
    _print(file, key, as_json=as_json)


@command.command("development")
@click.argument("index", type=click.IntRange(0, 999))
@click.option("--chain-id", default=31337, show_default=True)
@json_option
def development(*, index: int, chain_id: int, as_json: bool) -> None:
    """Show a key of the public development mnemonic: the devnet's funded accounts are 0 to 9."""
    try:
        key = development_keys(chain_id, index + 1)[index]
    except KeystoreError as error:
        fail(str(error))
    if as_json:
        print_json({"index": index, "address": "0x" + key.address.hex(), "private_key": "0x" + key.secret.hex()})
    else:
        click.echo(
            f"address      0x{key.address.hex()}\nprivate key  0x{key.secret.hex()}   (public knowledge: development only)"
        )


def _save(file: Path, key: SigningKey, password_file: Path | None, *, as_json: bool) -> None:
    try:
        save_key(file, key, read_password(password_file, confirm=True))
    except KeystoreError as error:
        fail(str(error))
    _print(file, key, as_json=as_json)


def _print(file: Path, key: SigningKey, *, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(file), "address": "0x" + key.address.hex()})
    else:
        click.echo(f"0x{key.address.hex()}  {file}")
