"""The interpreter as the node runs it: what recovery built is never collected, the rest rarely, and threads give way soon.

The core makes no cycles on its hot path, so reference counts free what it drops; a full pass over a large state would pause every
order. A thread that reads a history for somebody holds the interpreter for a switch interval at a time, which orders wait for.
"""

import gc
import sys
from typing import Final

COLLECTOR_THRESHOLDS: Final = (50_000, 20, 100)
"""Net allocations between two passes over the youngest objects, and passes of one generation per pass of the next."""
SWITCH_S: Final = 0.0005
"""How long a thread may run on while another waits; CPython's default is ten times that."""


def collect_rarely() -> None:
    """Set the node's thresholds."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def switch_soon() -> None:
    """Let no thread keep the event loop waiting for longer than orders notice."""
    sys.setswitchinterval(SWITCH_S)


def freeze_what_is() -> None:
    """Collect once, and leave everything that is alive now out of all later passes."""
    gc.collect()
    gc.freeze()
