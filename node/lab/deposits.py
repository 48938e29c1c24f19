"""Money for an experiment: deposits through a development node's operator socket (node.gateway.operator has its frames)."""

import asyncio
from pathlib import Path
from typing import Final

from proto.canonical import unpack
from proto.ids import USDC, Address
from proto.inputs import DepositSeen, encode_record
from proto.reject import SENTENCES, RejectCode
from proto.units import AMOUNT_MAX, AssetUnits, MicroUsd, TimeMs

DEPOSITS_MAX: Final = 100_000
"""Of one account: beyond this the amount is a mistake."""
_ANSWER_S: Final = 60.0


class DepositError(Exception):
    """The money could not be had; the message says why."""


async def deposit(socket: Path, owners: dict[Address, MicroUsd]) -> None:
    """Credit every owner with its amount of USDC, in as many deposits as that takes. Raises DepositError."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(socket)
    except (OSError, TimeoutError) as error:
        raise DepositError(f"the node's deposit socket {socket} cannot be used from here: {error}") from error
    try:
        for owner, amount in owners.items():
            for part in _parts(amount):
                await _deposit(reader, writer, owner, part)
    except (OSError, EOFError, TimeoutError) as error:
        raise DepositError(f"the node's deposit socket {socket} gave no answer: {error}") from error
    finally:
        writer.close()


def _parts(amount: int) -> list[AssetUnits]:
    whole, rest = divmod(amount, AMOUNT_MAX)
    if whole >= DEPOSITS_MAX:
        raise DepositError(f"{amount} micro-USDC for one account is more than {DEPOSITS_MAX} deposits can carry")
    return [AssetUnits(AMOUNT_MAX)] * whole + ([AssetUnits(rest)] if rest else [])


async def _deposit(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, owner: Address, amount: AssetUnits
) -> None:
    record = encode_record(TimeMs(0), DepositSeen(0, owner, USDC, amount))
    writer.write(len(record).to_bytes(4, "big") + record)
    async with asyncio.timeout(_ANSWER_S):
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(4), "big")
        _, code = unpack(await reader.readexactly(length))
    if code:
        raise DepositError(f"the node refused a deposit: {SENTENCES[RejectCode(code)]}")
