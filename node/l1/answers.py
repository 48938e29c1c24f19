"""What an Ethereum node answers, as typed values, and the ways in which it can fail us.

Invariants:
- Nothing of an answer is used before its shape and widths were checked; an answer that does not fit raises L1Lied.
- The three failures are told apart: L1Unavailable (retry later), L1Refused (the node says no, and why), L1Lied (the
  answer cannot be true: stop trusting this endpoint).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from proto.hashing import ZERO_HASH
from proto.ids import ADDRESS_BYTES, Address

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
HASH_BYTES: Final = len(ZERO_HASH)
TOPICS_MAX: Final = 4


class L1Error(Exception):
    """L1 did not give what was asked for. `number` is stable: 6701 to 6712 where the deployment is not ours, from 6720 on L1 itself."""

    number: int = 6720

    def numbered(self) -> str:
        """Number and sentence."""
        text = str(self)
        return text if text.startswith(f"{int(self.number)} ") else f"{int(self.number)} {type(self).__name__}: {text}"


class L1Unavailable(L1Error):
    """No answer: timeout, connection lost, server overloaded. A retry can help."""

    number = 6721


class L1Refused(L1Error):
    """The node answered with an error: execution reverted, transaction not taken, query too wide, …"""

    number = 6722

    def __init__(self, code: int, message: str, data: bytes = b"") -> None:
        super().__init__(f"{message} (code {code})")
        self.code = code
        self.message = message
        self.data = data


class L1Lied(L1Error):
    """The answer is malformed or contradicts what was asked; nothing of it may be used."""

    number = 6723


class L1AnswerTooLarge(L1Lied):
    """The answer exceeds the size limit; a narrower question may fit."""

    number = 6724


class L1NodesDisagree(L1Unavailable):
    """Two nodes answer one question differently: one of them lies, or is on another branch. Nothing of it is used."""

    number = 6726


def first_of(group: ExceptionGroup[L1Error]) -> L1Error:
    """The first failure of questions that were asked at once."""
    error: L1Error | ExceptionGroup[L1Error] = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


class L1WrongChain(L1Error):
    """The endpoint serves another chain than expected."""

    number = 6701

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"L1 endpoint has chain id {found}, expected {expected}")
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True)
class L1Block:
    """The parts of a block header that the node uses."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp_s: int
    base_fee_wei: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class L1Log:
    """One event with its place in the chain."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class L1Receipt:
    """What became of a transaction."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    success: bool
    gas_used: int
    effective_price_wei: int
    contract: Address | None
    logs: tuple[L1Log, ...]


@dataclass(frozen=True, slots=True)
class L1Transaction:
    """A transaction by its hash; block fields are None while it waits."""

    hash: bytes
    sender: Address
    to: Address | None
    nonce: int
    value_wei: int
    data: bytes
    block_number: int | None
    block_hash: bytes | None


def quantity(value: object, what: str) -> int:
    """0x-hex to a non-negative integer."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value.lower()):
        raise L1Lied(f"{what}: not a quantity")
    return int(value, 16)


def data(value: object, what: str) -> bytes:
    """0x-hex to bytes."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise L1Lied(f"{what}: not hex data")
    return bytes.fromhex(value[2:])


def hash32(value: object, what: str) -> bytes:
    """0x-hex to 32 bytes."""
    decoded = data(value, what)
    if len(decoded) != HASH_BYTES:
        raise L1Lied(f"{what}: not 32 bytes")
    return decoded


def address(value: object, what: str) -> Address:
    """0x-hex to 20 bytes."""
    decoded = data(value, what)
    if len(decoded) != ADDRESS_BYTES:
        raise L1Lied(f"{what}: not an address")
    return Address(decoded)


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise L1Lied(f"{what}: not an object")
    return value


def block(value: object) -> L1Block:
    """A block object; its transactions are ignored."""
    fields = _object(value, "block")
    base_fee = fields.get("baseFeePerGas")
    return L1Block(
        number=quantity(fields.get("number"), "block number"),
        hash=hash32(fields.get("hash"), "block hash"),
        parent_hash=hash32(fields.get("parentHash"), "parent hash"),
        timestamp_s=quantity(fields.get("timestamp"), "block timestamp"),
        base_fee_wei=0 if base_fee is None else quantity(base_fee, "base fee"),
        gas_limit=quantity(fields.get("gasLimit"), "block gas limit"),
    )


def log(value: object) -> L1Log:
    """A log object of a mined block."""
    fields = _object(value, "log")
    if fields.get("removed", False) is not False:
        raise L1Lied("log: marked as removed")
    topics = fields.get("topics")
    if not isinstance(topics, list) or len(topics) > TOPICS_MAX:
        raise L1Lied("log: malformed topics")
    return L1Log(
        address=address(fields.get("address"), "log address"),
        topics=tuple(hash32(topic, "log topic") for topic in topics),
        data=data(fields.get("data"), "log data"),
        block_number=quantity(fields.get("blockNumber"), "log block number"),
        block_hash=hash32(fields.get("blockHash"), "log block hash"),
        transaction_hash=hash32(fields.get("transactionHash"), "log transaction hash"),
        transaction_index=quantity(fields.get("transactionIndex"), "log transaction index"),
        log_index=quantity(fields.get("logIndex"), "log index"),
    )


def logs(value: object) -> tuple[L1Log, ...]:
    """A list of logs in chain order, none twice."""
    if not isinstance(value, list):
        raise L1Lied("logs: not a list")
    decoded = tuple(log(item) for item in value)
    for before, after in pairwise(decoded):
        if (before.block_number, before.log_index) >= (after.block_number, after.log_index):
            raise L1Lied("logs: not in order")
        if before.block_number == after.block_number and before.block_hash != after.block_hash:
            raise L1Lied("logs: one height, two blocks")
    return decoded


def receipt(value: object) -> L1Receipt:
    """A transaction receipt."""
    fields = _object(value, "receipt")
    status = quantity(fields.get("status"), "receipt status")
    if status not in (0, 1):
        raise L1Lied("receipt: unknown status")
    price = fields.get("effectiveGasPrice")
    contract = fields.get("contractAddress")
    decoded = L1Receipt(
        transaction_hash=hash32(fields.get("transactionHash"), "receipt transaction hash"),
        block_number=quantity(fields.get("blockNumber"), "receipt block number"),
        block_hash=hash32(fields.get("blockHash"), "receipt block hash"),
        success=status == 1,
        gas_used=quantity(fields.get("gasUsed"), "receipt gas"),
        effective_price_wei=0 if price is None else quantity(price, "receipt gas price"),
        contract=None if contract is None else address(contract, "receipt contract"),
        logs=logs(fields.get("logs")),
    )
    if any(entry.block_hash != decoded.block_hash for entry in decoded.logs):
        raise L1Lied("receipt: its logs are of another block")
    return decoded


def transaction(value: object) -> L1Transaction:
    """A transaction object."""
    fields = _object(value, "transaction")
    number, block_hash, to = fields.get("blockNumber"), fields.get("blockHash"), fields.get("to")
    if (number is None) != (block_hash is None):
        raise L1Lied("transaction: half of a block reference")
    return L1Transaction(
        hash=hash32(fields.get("hash"), "transaction hash"),
        sender=address(fields.get("from"), "transaction sender"),
        to=None if to is None else address(to, "transaction recipient"),
        nonce=quantity(fields.get("nonce"), "transaction nonce"),
        value_wei=quantity(fields.get("value"), "transaction value"),
        data=data(fields.get("input"), "transaction input"),
        block_number=None if number is None else quantity(number, "transaction block number"),
        block_hash=None if block_hash is None else hash32(block_hash, "transaction block hash"),
    )
