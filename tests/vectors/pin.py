"""Writes the pinned roots: `python -m tests.vectors.pin`, after PROTOCOL_VERSION has been raised or a scenario added."""

import json
from pathlib import Path
from typing import Any

from proto.hashing import keccak
from proto.version import PROTOCOL_VERSION
from tests.core.venue import PARAMS
from tests.scenarios.test_scenarios import SCENARIOS, run
from tests.vectors import make

PINS = Path(__file__).parent / "roots.json"


def pins() -> dict[str, Any]:
    """State root at the end of every scenario, digest of every vector file, parameters of the test venue."""
    return {
        "protocol_version": PROTOCOL_VERSION,
        "scenarios": {name: run(name).venue.seal().state_root().hex() for name in SCENARIOS},
        "vectors": {
            **{name: keccak(make.text_of(name).encode()).hex() for name in make.FILES},
            "rules of the test venue": PARAMS.rules_hash().hex(),
        },
    }


if __name__ == "__main__":
    PINS.write_text(json.dumps(pins(), indent=1) + "\n")
