"""The rules are pinned: the state root of every scenario and the digest of every vector file belong to one protocol version.

Where this fails, a rule or an encoding changed: raise PROTOCOL_VERSION, then `python -m tests.vectors.pin`.
"""

import json

from proto.version import PROTOCOL_VERSION
from tests.vectors.pin import PINS, pins


def test_roots_belong_to_the_version() -> None:
    stored = json.loads(PINS.read_text())
    assert stored["protocol_version"] == PROTOCOL_VERSION
    found = pins()
    for part in ("scenarios", "vectors"):
        differing = [name for name, root in found[part].items() if stored[part].get(name) != root]
        assert differing == []
        assert list(stored[part]) == list(found[part]), "a pin without a scenario"
