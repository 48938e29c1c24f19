"""Strict reading of TOML tables: every key is taken once, with its type; what is left over is an error that names it."""

import tomllib
from pathlib import Path
from typing import Any


class ConfigError(ValueError):
    """A configuration file cannot be used; the message names file, key and what was expected."""


def read_toml(path: Path) -> dict[str, Any]:
    """The file's table. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None


class Table:
    """One table being read; `done` refuses whatever was not asked for."""

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def _take(self, key: str, kind: type, default: Any) -> Any:
        if key not in self._values:
            if default is None:  # No default, not an empty one.
                raise ConfigError(f"{self._where}.{key}: missing")
            return default
        value = self._values.pop(key)
        if type(value) is not kind:
            raise ConfigError(f"{self._where}.{key}: expected {kind.__name__}, found {type(value).__name__}")
        return value

    def integer(self, key: str, default: int | None = None, least: int = 0) -> int:
        """An integer of at least `least`."""
        value: int = self._take(key, int, default)
        if value < least:
            raise ConfigError(f"{self._where}.{key}: must be at least {least}")
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there and not yet read."""
        return key in self._values

    def number(self, key: str) -> float:
        """An integer or a decimal fraction, for durations that are not part of the rules."""
        if type(self._values.get(key)) is int:
            return float(self.integer(key))
        value: float = self._take(key, float, None)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value: str = self._take(key, str, default)
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """A boolean."""
        value: bool = self._take(key, bool, default)
        return value

    def address(self, key: str) -> bytes:
        """A 20-byte address, 0x and 40 hex digits."""
        text = self.text(key)
        try:
            value = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            value = b""
        if len(value) != 20 or not text.startswith("0x"):
            raise ConfigError(f"{self._where}.{key}: expected 0x and 40 hex digits")
        return value

    def tables(self, key: str) -> list["Table"]:
        """An array of tables."""
        rows = self._take(key, list, None)
        for row in rows:
            if type(row) is not dict:
                raise ConfigError(f"{self._where}.{key}: expected an array of tables")
        return [Table(row, f"{self._where}.{key}[{at}]") for at, row in enumerate(rows)]

    def table(self, key: str, *, optional: bool = False) -> "Table":
        """A sub-table; an optional one that is missing is empty."""
        if optional and key not in self._values:
            return Table({}, f"{self._where}.{key}")
        return Table(self._take(key, dict, None), f"{self._where}.{key}")

    def done(self) -> None:
        """Refuse keys nobody asked for."""
        if self._values:
            names = ", ".join(f"{self._where}.{key}" for key in sorted(self._values))
            raise ConfigError(f"unknown: {names}")
