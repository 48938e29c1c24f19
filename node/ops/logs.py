"""Structured logs: one JSON object per line on stderr, with time, level, room, event and fields.

An event is a short constant phrase; what varies goes into fields. No secret may be logged: fields whose names say secret are refused, and
values are never whole objects.
"""

import json
import logging
import sys
import time
from typing import Final, TextIO

ROOT: Final = "novate"
LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SECRET_NAMES: Final = ("secret", "password", "passphrase", "private", "mnemonic")
_FIELDS: Final = "novate_fields"

Field = int | float | str | bool | bytes | None


class RoomLog:
    """A room's way to log; made once per module with `room_log`."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: Field) -> None:
        """For whoever looks into one node."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Field) -> None:
        """Something an operator may want to know later."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Field) -> None:
        """Something an operator should look at; the node goes on."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Field) -> None:
        """Something failed; the fields say what to do."""
        self._log(logging.ERROR, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, Field]) -> None:
        if self._logger.isEnabledFor(level):
            for name in fields:
                assert not any(word in name for word in _SECRET_NAMES), f"{name} does not belong in a log"
            self._logger.log(level, event, extra={_FIELDS: fields})


def room_log(room: str) -> RoomLog:
    """The log of a room, for instance `sequencer`."""
    return RoomLog(logging.getLogger(f"{ROOT}.{room}"))


def _plain(value: Field) -> int | float | str | bool | None:
    return "0x" + value.hex() if isinstance(value, bytes) else value


class JsonLines(logging.Formatter):
    """`{"time": …, "level": …, "room": …, "event": …, …}` in one line; tracebacks are one field."""

    def format(self, record: logging.LogRecord) -> str:
        """One line for one record, of ours or of a library."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, int | float | str | bool | None] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "room": record.name.removeprefix(f"{ROOT}."),
            "event": record.getMessage(),
        }
        fields: dict[str, Field] = record.__dict__.get(_FIELDS, {})
        line.update((name, _plain(value)) for name, value in fields.items() if name not in line)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Send everything from `level` up to `stream` (stderr where None); warnings and worse of libraries too."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(LEVELS[level])
