"""Identifiers: dense inside the core, 20-byte addresses outside.

Account, order, market and asset ids are given in core order, grow, and are never reused. Zero is never a valid id.
"""

from typing import Final, NewType

from proto.hashing import keccak

Address = NewType("Address", bytes)
"""20 bytes: the outside name of an account or a signing key."""
AccountId = NewType("AccountId", int)
OrderId = NewType("OrderId", int)
MarketId = NewType("MarketId", int)
"""Instrument id, u16, from 1."""
IndexId = NewType("IndexId", int)
"""Underlying index id, u16, from 1."""
AssetId = NewType("AssetId", int)
"""Collateral asset id, u16; 0 is USDC."""
VaultId = NewType("VaultId", int)
"""Vault, u15, from 1."""
Slot = NewType("Slot", int)
"""Leaf position of a resting order; the lowest free one is used first, from 0."""
Seq = NewType("Seq", int)
"""Number of a sequenced input, from 1."""

SHARES: Final = 0x8000
"""Asset ids from here on are shares: 0x8000 | vault. They stand among an account's balances, and in no running total."""

ADDRESS_BYTES: Final = 20
ZERO_ADDRESS: Final = Address(bytes(ADDRESS_BYTES))
USDC: Final = AssetId(0)
ETH: Final = AssetId(1)
BTC: Final = AssetId(2)
ALL_MARKETS: Final = MarketId(0)
"""In CancelAll: every market."""


def derived_address(tag: bytes, *parts: bytes) -> Address:
    """An address no key is known for: the last 20 bytes of keccak(tag ‖ parts)."""
    return Address(keccak(tag + b"".join(parts))[12:])


INSURANCE_ADDRESS: Final = derived_address(b"novate.insurance")
TREASURY_ADDRESS: Final = derived_address(b"novate.treasury")
BACKSTOP_ADDRESS: Final = derived_address(b"novate.backstop")
INSURANCE_ACCOUNT: Final = AccountId(1)
TREASURY_ACCOUNT: Final = AccountId(2)
BACKSTOP_ACCOUNT: Final = AccountId(3)
"""Holds the money and the positions of the backstop vault."""
VENUE_ACCOUNTS: Final = (INSURANCE_ACCOUNT, TREASURY_ACCOUNT, BACKSTOP_ACCOUNT)
VENUE_ADDRESSES: Final = (INSURANCE_ADDRESS, TREASURY_ADDRESS, BACKSTOP_ADDRESS)
BACKSTOP_VAULT: Final = VaultId(1)


def share_asset(vault: VaultId) -> AssetId:
    """The asset id under which shares of a vault stand among an account's balances."""
    return AssetId(SHARES | vault)


def sub_account_address(master: Address, index: int) -> Address:
    """Address of a master's sub-account number `index` (u32)."""
    return derived_address(b"novate.sub", master, index.to_bytes(4, "big"))
