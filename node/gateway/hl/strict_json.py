"""JSON as it must arrive: UTF-8, no key twice, nothing that is not JSON, bounded depth by the parser's own recursion limit."""

import json
from typing import Any

from proto.hl.reading import HlMalformedError


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
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except HlMalformedError:
        raise
    except (ValueError, RecursionError) as error:
        raise HlMalformedError(str(error)[:200]) from None


def write(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
