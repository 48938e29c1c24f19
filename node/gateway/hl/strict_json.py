"""JSON as it must arrive: UTF-8, no key twice, nothing that is not JSON, bounded depth.

The parser recurses in C, where a deep enough body ends the process as soon as anything in it has raised Python's recursion limit. So the
depth is bounded before: by the number of objects and arrays, of which the largest batch has a few hundred.
"""

import json
from typing import Any, Final

from proto.hl.reading import HlMalformedError

OPENINGS_MAX: Final = 1_000


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HlMalformedError("a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise HlMalformedError(f"{name} is not JSON")


def read(data: bytes | str) -> Any:
    """The value in a body. Raises HlMalformedError."""
    try:
        text = data if isinstance(data, str) else data.decode()
    except ValueError as error:
        raise HlMalformedError(str(error)[:200]) from None
    if text.count("[") + text.count("{") > OPENINGS_MAX:
        raise HlMalformedError(f"more than {OPENINGS_MAX} objects and arrays")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except HlMalformedError:
        raise
    except RecursionError:  # The usual limit is below the bound when the stack is deep already.
        raise HlMalformedError("nested too deeply") from None
    except ValueError as error:
        raise HlMalformedError(str(error)[:200]) from None


def write(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
