"""The root that batch 1 builds on: a function of the parameters alone, and what the contract is deployed with."""

from node.core.commit.forest import Forest
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.params import Params


def genesis_root(params: Params) -> bytes:
    """State root of the genesis state."""
    return Forest().update(collect(genesis_state(params))).state_root()
