"""The garbage collector as the node runs it: what recovery built is never looked at again, and the rest rarely.

The core makes no cycles on its hot path, so reference counts free what it drops; a full pass over a large state would pause every order.
"""

import gc
from typing import Final

COLLECTOR_THRESHOLDS: Final = (50_000, 20, 100)
"""Net allocations between two passes over the youngest objects, and passes of one generation per pass of the next."""


def collect_rarely() -> None:
    """Set the node's thresholds."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def freeze_what_is() -> None:
    """Collect once, and leave everything that is alive now out of all later passes."""
    gc.collect()
    gc.freeze()
