"""Typed access to a compiled contract: encode calls, decode returns, events and errors.

Addresses are 20 bytes on our side, everything else as eth-abi maps it.

Invariant: data that does not fit the ABI raises AbiMismatch; an unknown event or error is None, never a guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from node.l1.answers import L1Log
from node.l1.contracts.artifact import load_artifact
from proto.hashing import keccak
from proto.ids import Address

SELECTOR_BYTES: Final = 4
_BUILT_IN_ERRORS: Final = (
    {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


class AbiMismatch(ValueError):
    """Values or bytes do not fit the contract's interface."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input, output or field. `type` is canonical: tuples spelled out."""

    name: str
    type: str
    indexed: bool
    fields: tuple["Parameter", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, event or error."""

    kind: str
    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]

    @property
    def signature(self) -> str:
        """The text whose hash names the entry."""
        return f"{self.name}({','.join(parameter.type for parameter in self.inputs)})"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded event or error; `values` by parameter name (by position where a parameter has none)."""

    name: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        """As one would write it."""
        shown = (
            f"{key}=0x{value.hex()}" if isinstance(value, bytes) else f"{key}={value}"
            for key, value in self.values.items()
        )
        return f"{self.name}({', '.join(shown)})"


class Contract:
    """The interface of one compiled contract."""

    def __init__(self, name: str, abi: Sequence[Mapping[str, Any]], bytecode: bytes = b"") -> None:
        self.name = name
        self.bytecode = bytecode
        self._functions: dict[str, Entry] = {}
        self._by_selector: dict[bytes, Entry] = {}
        self._events: dict[bytes, Entry] = {}
        self._errors: dict[bytes, Entry] = {}
        self._constructor: tuple[Parameter, ...] = ()
        for item in (*_BUILT_IN_ERRORS, *abi):
            self._add(item)

    def _add(self, item: Mapping[str, Any]) -> None:
        kind = item["type"]
        inputs = tuple(_parameter(field) for field in item.get("inputs", ()))
        if kind == "constructor":
            self._constructor = inputs
            return
        if kind not in ("function", "event", "error"):
            return
        outputs = tuple(_parameter(field) for field in item.get("outputs", ()))
        entry = Entry(kind, item["name"], inputs, outputs)
        digest = keccak(entry.signature.encode())
        if kind == "event":
            if not item.get("anonymous", False):
                self._events[digest] = entry
        elif kind == "error":
            self._errors[digest[:SELECTOR_BYTES]] = entry
        else:
            self._functions[entry.signature] = entry
            self._functions.setdefault(entry.name, entry)
            self._by_selector[digest[:SELECTOR_BYTES]] = entry

    @property
    def events(self) -> tuple[Entry, ...]:
        """All events that logs can name."""
        return tuple(self._events.values())

    def function(self, name: str) -> Entry:
        """A function by name, or by signature where a name is overloaded."""
        entry = self._functions.get(name)
        if entry is None:
            raise AbiMismatch(f"{self.name} has no function {name}")
        return entry

    def selector(self, name: str) -> bytes:
        """The first four bytes of a call."""
        return keccak(self.function(name).signature.encode())[:SELECTOR_BYTES]

    def topic(self, event: str) -> bytes:
        """The first topic of an event."""
        for digest, entry in self._events.items():
            if event in (entry.name, entry.signature):
                return digest
        raise AbiMismatch(f"{self.name} has no event {event}")

    def encode_call(self, name: str, *values: Any) -> bytes:
        """Calldata of a call."""
        return self.selector(name) + _encode(self.function(name).inputs, values)

    def decode_call(self, calldata: bytes) -> Decoded | None:
        """The function and arguments of calldata; None for an unknown selector."""
        entry = self._by_selector.get(calldata[:SELECTOR_BYTES])
        if entry is None:
            return None
        return Decoded(entry.name, _named(entry.inputs, _decode(entry.inputs, calldata[SELECTOR_BYTES:])))

    def decode_return(self, name: str, output: bytes) -> tuple[Any, ...]:
        """Return values of a call."""
        return _decode(self.function(name).outputs, output)

    def creation_code(self, *values: Any) -> bytes:
        """Bytes that deploy the contract."""
        if not self.bytecode:
            raise AbiMismatch(f"{self.name} has no bytecode")
        return self.bytecode + _encode(self._constructor, values)

    def decode_event(self, log: L1Log) -> Decoded | None:
        """The event of a log; None if this contract has no such event. Raises AbiMismatch if it is malformed."""
        entry = self._events.get(log.topics[0]) if log.topics else None
        if entry is None:
            return None
        indexed = [parameter for parameter in entry.inputs if parameter.indexed]
        plain = tuple(parameter for parameter in entry.inputs if not parameter.indexed)
        if len(log.topics) != len(indexed) + 1:
            raise AbiMismatch(f"event {entry.name}: {len(log.topics)} topics")
        from_topics = iter([_decode_topic(each, topic) for each, topic in zip(indexed, log.topics[1:], strict=True)])
        from_data = iter(_decode(plain, log.data))
        values = [next(from_topics if parameter.indexed else from_data) for parameter in entry.inputs]
        return Decoded(entry.name, _named(entry.inputs, values))

    def decode_error(self, output: bytes) -> Decoded | None:
        """The error of revert data; None if it is empty or unknown."""
        entry = self._errors.get(output[:SELECTOR_BYTES])
        if entry is None:
            return None
        return Decoded(entry.name, _named(entry.inputs, _decode(entry.inputs, output[SELECTOR_BYTES:])))


@cache
def load_contract(name: str) -> Contract:
    """The interface of a committed artifact."""
    artifact = load_artifact(name)
    return Contract(artifact.name, artifact.abi, artifact.bytecode)


def _parameter(item: Mapping[str, Any]) -> Parameter:
    fields = tuple(_parameter(field) for field in item.get("components", ()))
    kind = str(item["type"])
    if kind.startswith("tuple"):
        kind = f"({','.join(field.type for field in fields)})" + kind.removeprefix("tuple")
    return Parameter(str(item.get("name", "")), kind, bool(item.get("indexed", False)), fields)


def _encode(parameters: Sequence[Parameter], values: Sequence[Any]) -> bytes:
    if len(values) != len(parameters):
        raise AbiMismatch(f"{len(values)} values for {len(parameters)} parameters")
    try:
        return encode([parameter.type for parameter in parameters], values)
    except (EncodingError, TypeError, ValueError, OverflowError) as error:
        raise AbiMismatch(str(error)) from error


def _decode(parameters: Sequence[Parameter], output: bytes) -> tuple[Any, ...]:
    try:
        values = decode([parameter.type for parameter in parameters], output)
    except (DecodingError, ValueError, OverflowError) as error:
        raise AbiMismatch(str(error)) from error
    return tuple(_ours(parameter, parameter.type, value) for parameter, value in zip(parameters, values, strict=True))


def _decode_topic(parameter: Parameter, topic: bytes) -> Any:
    """A value type from its topic; dynamic types are only present as their hash."""
    if parameter.fields or parameter.type in ("string", "bytes") or parameter.type.endswith("]"):
        return topic
    return _decode((parameter,), topic)[0]


def _ours(parameter: Parameter, kind: str, value: Any) -> Any:
    """eth-abi's value with addresses as 20 bytes."""
    if kind.endswith("]"):
        element = kind[: kind.rindex("[")]
        return tuple(_ours(parameter, element, item) for item in value)
    if parameter.fields:
        return tuple(_ours(field, field.type, item) for field, item in zip(parameter.fields, value, strict=True))
    return Address(bytes.fromhex(value[2:])) if kind == "address" else value


def _named(parameters: Sequence[Parameter], values: Sequence[Any]) -> dict[str, Any]:
    return {
        parameter.name or str(index): value
        for index, (parameter, value) in enumerate(zip(parameters, values, strict=True))
    }
