"""JSON-RPC parameters into typed values; anything else is refused with -32602 before it is used."""

import re
from dataclasses import dataclass
from typing import Any, Final

from node.l1.transactions import AccessList
from proto.hashing import ZERO_HASH
from proto.ids import ADDRESS_BYTES, ZERO_ADDRESS, Address

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
SERVER_ERROR: Final = -32000
LIMIT_EXCEEDED: Final = -32005
EXECUTION_REVERTED: Final = 3

_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
TAGS: Final = ("latest", "pending", "safe", "finalized", "earliest")
TOPICS_MAX: Final = 4
ALTERNATIVES_MAX: Final = 256


class RpcError(Exception):
    """What a caller is told. `data` is revert data in hex, where there is any."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def invalid(message: str) -> RpcError:
    """The caller's parameters are wrong."""
    return RpcError(INVALID_PARAMS, message)


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block as a caller names it: exactly one of tag, number and hash."""

    tag: str | None = None
    number: int | None = None
    hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class CallRequest:
    """The transaction object of eth_call and eth_estimateGas."""

    sender: Address
    to: Address | None
    gas: int | None
    price_wei: int
    value_wei: int
    data: bytes
    access_list: AccessList


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The filter object of eth_getLogs."""

    first: BlockRef
    last: BlockRef
    block_hash: bytes | None
    addresses: frozenset[Address]
    topics: tuple[frozenset[bytes], ...]


class Params:
    """Positional parameters of one request, read by index."""

    def __init__(self, values: object, maximum: int) -> None:
        if values is None:
            values = []
        if not isinstance(values, list):
            raise invalid("params must be an array")
        if len(values) > maximum:
            raise invalid(f"too many arguments, want at most {maximum}")
        self._values = values

    def get(self, index: int) -> Any:
        """The raw value, None if it was not given."""
        return self._values[index] if index < len(self._values) else None

    def need(self, index: int) -> Any:
        """The raw value, which must be given."""
        value = self.get(index)
        if value is None:
            raise invalid(f"missing value for required argument {index}")
        return value

    def address(self, index: int) -> Address:
        """20 bytes."""
        return to_address(self.need(index))

    def hash(self, index: int) -> bytes:
        """32 bytes."""
        return to_hash(self.need(index))

    def data(self, index: int) -> bytes:
        """Any bytes."""
        return to_data(self.need(index))

    def quantity(self, index: int) -> int:
        """A hex integer."""
        return to_quantity(self.need(index))

    def loose_quantity(self, index: int) -> int:
        """A hex or plain integer, as test methods take them."""
        value = self.need(index)
        if type(value) is int and 0 <= value < 2**63:
            return value
        return to_quantity(value)

    def flag(self, index: int) -> bool:
        """A boolean, false if not given."""
        value = self.get(index)
        if value is not None and type(value) is not bool:
            raise invalid(f"argument {index} must be a boolean")
        return bool(value)

    def block(self, index: int) -> BlockRef:
        """A block reference, `latest` if not given."""
        return to_block_ref(self.get(index))


def to_quantity(value: object) -> int:
    """0x-hex to int."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid("expected a hex quantity")
    return int(value, 16)


def to_data(value: object) -> bytes:
    """0x-hex to bytes."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise invalid("expected hex data")
    return bytes.fromhex(value[2:])


def to_address(value: object) -> Address:
    """0x-hex to an address."""
    data = to_data(value)
    if len(data) != ADDRESS_BYTES:
        raise invalid("expected a 20-byte address")
    return Address(data)


def to_hash(value: object) -> bytes:
    """0x-hex to 32 bytes."""
    data = to_data(value)
    if len(data) != len(ZERO_HASH):
        raise invalid("expected 32 bytes")
    return data


def to_block_ref(value: object) -> BlockRef:
    """Tag, number, or the object of EIP-1898."""
    if value is None:
        return BlockRef(tag="latest")
    if isinstance(value, dict):
        if "blockHash" in value:
            return BlockRef(hash=to_hash(value["blockHash"]))
        return BlockRef(number=to_quantity(value.get("blockNumber")))
    if isinstance(value, str) and value in TAGS:
        return BlockRef(tag=value)
    return BlockRef(number=to_quantity(value))


def to_call(value: object) -> CallRequest:
    """The transaction object."""
    if not isinstance(value, dict):
        raise invalid("expected a transaction object")
    data, alias = value.get("data"), value.get("input")
    if data is not None and alias is not None and data != alias:
        raise invalid('both "data" and "input" are set and not equal')
    given = alias if data is None else data
    price = value.get("maxFeePerGas", value.get("gasPrice"))
    return CallRequest(
        sender=ZERO_ADDRESS if value.get("from") is None else to_address(value["from"]),
        to=None if value.get("to") is None else to_address(value["to"]),
        gas=None if value.get("gas") is None else to_quantity(value["gas"]),
        price_wei=0 if price is None else to_quantity(price),
        value_wei=0 if value.get("value") is None else to_quantity(value["value"]),
        data=b"" if given is None else to_data(given),
        access_list=_to_access_list(value.get("accessList")),
    )


def _to_access_list(value: object) -> AccessList:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise invalid("expected an access list")
    entries = []
    for entry in value:
        slots = entry.get("storageKeys", [])
        if not isinstance(slots, list):
            raise invalid("expected an access list")
        numbers = tuple(int.from_bytes(to_hash(slot), "big") for slot in slots)
        entries.append((bytes(to_address(entry.get("address"))), numbers))
    return tuple(entries)


def to_log_query(value: object) -> LogQuery:
    """The filter object."""
    if not isinstance(value, dict):
        raise invalid("expected a filter object")
    block_hash = None
    if value.get("blockHash") is not None:
        if value.get("fromBlock") is not None or value.get("toBlock") is not None:
            raise invalid("cannot specify both blockHash and fromBlock/toBlock")
        block_hash = to_hash(value["blockHash"])
    addresses = value.get("address")
    if addresses is None:
        addresses = []
    elif isinstance(addresses, str):
        addresses = [addresses]
    topics = value.get("topics")
    if topics is None:
        topics = []
    if not isinstance(addresses, list) or not isinstance(topics, list):
        raise invalid("expected lists of addresses and topics")
    if len(addresses) > ALTERNATIVES_MAX or len(topics) > TOPICS_MAX:
        raise invalid("too many addresses or topics")
    return LogQuery(
        first=to_block_ref(value.get("fromBlock")),
        last=to_block_ref(value.get("toBlock")),
        block_hash=block_hash,
        addresses=frozenset(to_address(address) for address in addresses),
        topics=tuple(_to_topic(topic) for topic in topics),
    )


def _to_topic(value: object) -> frozenset[bytes]:
    """One topic position: anything (empty), one value, or alternatives."""
    if value is None:
        return frozenset()
    if isinstance(value, list):
        if len(value) > ALTERNATIVES_MAX:
            raise invalid("too many topics")
        if any(topic is None for topic in value):
            return frozenset()
        return frozenset(to_hash(topic) for topic in value)
    return frozenset((to_hash(value),))
