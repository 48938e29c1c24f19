"""Small hand-assembled contracts."""

from proto.hashing import keccak

COUNTED = keccak(b"Counted(uint256)")

_INCREMENT = bytes.fromhex("5f54600101805f555f52") + b"\x7f" + COUNTED + bytes.fromhex("60205fa160205ff3")
_GUARD_BYTES = 4  # CALLDATASIZE PUSH1 target JUMPI
COUNTER = (
    bytes((0x36, 0x60, _GUARD_BYTES + len(_INCREMENT), 0x57))
    + _INCREMENT
    + bytes.fromhex("5b365f5f37365ffd")  # JUMPDEST: revert with the calldata.
)
"""Without calldata: adds one to slot 0, logs Counted(value), returns it. With calldata: reverts with it."""

SPIN = bytes.fromhex("5b5f56")
"""Loops until the gas is gone."""

CLEAR = bytes.fromhex("5f355f5500")
"""Stores the first word of the calldata in slot 0; storing 0 over a value earns a refund."""


def creation(runtime: bytes) -> bytes:
    """Init code that deploys `runtime`."""
    assert len(runtime) < 256
    prefix = bytes((0x60, len(runtime), 0x60, 10, 0x5F, 0x39, 0x60, len(runtime), 0x5F, 0xF3))
    return prefix + runtime
