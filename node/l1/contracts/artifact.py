"""Compiled contracts as they are committed: running needs no compiler.

Invariant: `source_hash` is that of the sources beside the artifacts; a test compares it, and rebuilds the bytecode
where solc is installed.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Artifact:
    """One deployable contract. `deployed_bytecode` has zeros where immutables go."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes
    source_hash: bytes


@cache
def load_artifact(name: str) -> Artifact:
    """Artifact of the contract called `name`: Novate, or one of those in test/."""
    text = files("node.l1.contracts").joinpath("artifacts", f"{name}.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    return Artifact(
        name=raw["contractName"],
        abi=raw["abi"],
        bytecode=bytes.fromhex(raw["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(raw["deployedBytecode"][2:]),
        source_hash=bytes.fromhex(raw["sourceHash"][2:]),
    )
