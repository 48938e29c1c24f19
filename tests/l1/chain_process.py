"""A real embedded chain in a process of its own, for tests that kill it: `python chain_process.py DATA_DIR BLOCK_MS`.

Prints its URL on one line once it answers.
"""

import asyncio
import sys
from pathlib import Path

from node.l1.chain import ChainSettings, serve


def main() -> None:
    """Serve until killed."""
    settings = ChainSettings(data_dir=Path(sys.argv[1]), port=0, block_time_ms=int(sys.argv[2]))
    asyncio.run(serve(settings, lambda url: print(url, flush=True)))


if __name__ == "__main__":
    main()
