"""The embedded chain: a small, durable Ethereum-like L1 for development, in a process of its own.

`serve(ChainSettings(...), ready)` runs it. What it promises and where it departs from mainnet is written in `ledger`,
`blockfile` and `executor`; the JSON-RPC subset that it answers is the table in `methods`.
"""

from node.l1.chain.blockfile import ChainInUse, ChainStorageCorrupt, ChainStorageFailed
from node.l1.chain.ledger import ChainMismatch
from node.l1.chain.server import serve
from node.l1.chain.settings import ChainSettings

__all__ = ["ChainInUse", "ChainMismatch", "ChainSettings", "ChainStorageCorrupt", "ChainStorageFailed", "serve"]
