"""The development keys as L1 tests need them: bare secrets."""

from typing import Final

from node.l1.chain.settings import DEVELOPMENT_ADDRESSES, DEVELOPMENT_CHAIN_ID
from node.ops.keystore import development_keys

DEVELOPMENT_KEYS: Final = tuple(
    key.secret for key in development_keys(DEVELOPMENT_CHAIN_ID, len(DEVELOPMENT_ADDRESSES))
)
