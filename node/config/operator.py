"""Operator settings: one frozen class per room, filled from a TOML file. Nothing here can change a result, only how a node is run.

A file has one table per room (`[store]`, `[sequencer]`, `[gateway]`, `[l1]`, `[settlement]`, `[logs]`, `[operator]`); every key is a field
of that room's settings class, with its default; unknown ones are refused by name.
"""

import types
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from node.config.reading import ConfigError, Table, read_toml
from node.gateway.settings import GatewaySettings
from node.ops.logs import LEVELS
from node.sequencer.settings import SequencerSettings
from node.settlement.settings import SettlementSettings
from node.store.settings import StoreSettings
from proto.ids import ADDRESS_BYTES, Address

Settings = TypeVar("Settings")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged."""

    level: str = "info"
    """debug, info, warning or error."""

    def __post_init__(self) -> None:
        """Refuse a level that does not exist."""
        if self.level not in LEVELS:
            raise ValueError(f"logs.level: one of {', '.join(LEVELS)}")


@dataclass(frozen=True, slots=True)
class L1Settings:
    """Where the contract is. An empty contract runs the node without L1, on development chain ids only."""

    rpc: str = ""
    contract: str = ""
    compare_rpc: str = ""
    """A second L1 node, run by somebody else: only what both say alike is believed. Empty: `rpc` alone is believed."""

    def __post_init__(self) -> None:
        """Refuse half an L1, and a comparison with itself."""
        if bool(self.rpc) != bool(self.contract):
            raise ValueError("l1.rpc and l1.contract: give both or neither")
        if self.compare_rpc and self.compare_rpc == self.rpc:
            raise ValueError("l1.compare_rpc: name another node than l1.rpc")

    @property
    def urls(self) -> tuple[str, ...]:
        """The nodes that must agree."""
        return (self.rpc, self.compare_rpc) if self.compare_rpc else (self.rpc,)

    @property
    def contract_address(self) -> Address | None:
        """The contract's 20 bytes; None without L1. Raises ConfigError."""
        if not self.contract:
            return None
        try:
            value = bytes.fromhex(self.contract.removeprefix("0x"))
        except ValueError:
            value = b""
        if len(value) != ADDRESS_BYTES:
            raise ConfigError("l1.contract: expected 0x and 40 hex digits")
        return Address(value)


@dataclass(frozen=True, slots=True)
class KeySettings:
    """The operator's key: signs receipts and commitments, and pays for posting."""

    key_file: str = ""
    """A file of the encrypted keystore (`novate key new`). Empty: the development key, on development chain ids only."""
    password_file: str = ""
    """Where the password is; empty: the environment's NOVATE_KEY_PASSWORD."""
    deposit_socket: str = ""
    """Development chain ids without L1 only: a local socket that takes deposits."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Everything an operator may choose."""

    data_dir: Path
    store: StoreSettings
    sequencer: SequencerSettings = field(default_factory=SequencerSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    l1: L1Settings = field(default_factory=L1Settings)
    settlement: SettlementSettings | None = None
    """None without a contract."""
    operator: KeySettings = field(default_factory=KeySettings)
    logs: LogSettings = field(default_factory=LogSettings)


def load_operator(path: Path | None, data_dir: Path, rpc: str = "", contract: str = "") -> NodeSettings:
    """Settings from a file (None: all defaults), with everything the node stores under `data_dir`. Raises ConfigError naming the key.

    `rpc` and `contract`, where given, stand over the file's.
    """
    table = Table(read_toml(path) if path is not None else {}, path.name if path is not None else "settings")
    try:
        from_file = table.table("l1", optional=True)
        l1 = L1Settings(
            rpc or from_file.text("rpc", ""),
            contract or from_file.text("contract", ""),
            from_file.text("compare_rpc", ""),
        )
        from_file.done()
        address, bridge = l1.contract_address, table.table("settlement", optional=True)
        settings = NodeSettings(
            data_dir=data_dir,
            store=fill(StoreSettings, table.table("store", optional=True), directory=data_dir / "store"),
            sequencer=fill(SequencerSettings, table.table("sequencer", optional=True)),
            gateway=fill(GatewaySettings, table.table("gateway", optional=True)),
            l1=l1,
            settlement=fill(SettlementSettings, bridge, contract=address) if address is not None else None,
            operator=fill(KeySettings, table.table("operator", optional=True)),
            logs=fill(LogSettings, table.table("logs", optional=True)),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    table.done()
    return settings


def fill(cls: type[Settings], table: Table, **given: Any) -> Settings:
    """An instance of a settings class from a table; `given` fields are not read. Refuses unknown keys."""
    assert is_dataclass(cls)
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = dict(given)
    for item in fields(cls):
        if item.name not in given:
            default = item.default if item.default is not MISSING else item.default_factory
            values[item.name] = _value(table, item.name, hints[item.name], default)
    table.done()
    return cls(**values)


def _value(table: Table, name: str, hint: Any, default: Any) -> Any:
    if is_dataclass(hint):
        return fill(typing.cast("type[Any]", hint), table.table(name, optional=True))
    if not table.has(name) and default is not MISSING:
        return default() if callable(default) else default
    if isinstance(hint, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not types.NoneType)
    if hint is bool:
        return table.flag(name)
    if hint is float:
        return table.number(name)
    if hint is int or (callable(hint) and getattr(hint, "__supertype__", None) is int):
        return table.integer(name)
    return Path(table.text(name)) if hint is Path else table.text(name)
