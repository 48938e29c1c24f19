"""JSON from strangers: nesting is bounded before the parser sees it.

The parser of the standard library recurses in C as deep as `sys.setrecursionlimit` allows, and libraries raise that
limit: 100 kB of brackets would then end the process instead of raising RecursionError.
"""

import json
from typing import Any, Final

DEPTH_MAX: Final = 64
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


class JsonRefused(ValueError):
    """Not JSON, or nested too deeply."""


def parse_json(body: bytes) -> Any:
    """The value that the text stands for. Raises JsonRefused."""
    if not _is_shallow(body):
        raise JsonRefused("nested too deeply")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JsonRefused(f"not JSON: {type(error).__name__}") from None


def _is_shallow(body: bytes) -> bool:
    """Whether nesting is at most twice DEPTH_MAX; brackets inside strings may count as well.

    Each round removes the innermost pairs; what is left after DEPTH_MAX rounds bounds the depth beyond it.
    """
    brackets = body.translate(None, delete=_NOT_BRACKETS)
    for _ in range(DEPTH_MAX):
        if len(brackets) <= DEPTH_MAX:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return len(brackets) <= DEPTH_MAX
