"""Settings of the embedded chain, and the development accounts that it funds by default.

The chain id, the funded accounts and the gas limit are fixed when a data directory is created: opening it later with
others is refused. Block time and finality distances may change from start to start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from proto.ids import Address

WEI_PER_ETHER: Final = 10**18

DEVELOPMENT_ADDRESSES: Final[tuple[Address, ...]] = tuple(
    Address(bytes.fromhex(address))
    for address in (
        "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        "90F79bf6EB2c4f870365E785982E1f101E93b906",
        "15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
        "9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
        "976EA74026E726554dB657fA54763abd0C3a0aa9",
        "14dC79964da2C08b23698B3D3cc7Ca32193d9955",
        "23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
        "a0Ee7A142d267C1f36714E4a8F75612F20a79720",
    )
)
"""The first ten of the mnemonic "test test … junk" that every Ethereum development tool funds; its keys are in node.ops.keystore."""
DEVELOPMENT_FUNDS: Final = MappingProxyType(dict.fromkeys(DEVELOPMENT_ADDRESSES, 10_000 * WEI_PER_ETHER))

DEVELOPMENT_CHAIN_ID: Final = 31337
BLOCK_GAS_LIMIT: Final = 30_000_000
TRANSACTION_GAS_CAP: Final = 16_777_216  # EIP-7825
TRANSACTION_BYTES_MAX: Final = 128 * 1024  # What geth's pool takes.


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """How one embedded chain runs. `port` 0 picks a free one; `block_time_ms` 0 leaves mining to `evm_mine`."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8545
    chain_id: int = DEVELOPMENT_CHAIN_ID
    block_time_ms: int = 1_000
    accounts: Mapping[Address, int] = field(default_factory=lambda: DEVELOPMENT_FUNDS)
    """Address → wei at genesis."""
    safe_distance_blocks: int = 1
    finalized_distance_blocks: int = 2
    block_gas_limit: int = BLOCK_GAS_LIMIT
    transaction_gas_cap: int = TRANSACTION_GAS_CAP
    transaction_bytes_max: int = TRANSACTION_BYTES_MAX
    development: bool = True
    """Whether evm_mine, evm_increaseTime and dev_reorg are answered."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if not 0 < self.chain_id < 2**53:
            raise ValueError(f"chain_id {self.chain_id} is out of range")
        if self.block_time_ms < 0 or (self.block_time_ms == 0 and not self.development):
            raise ValueError("block_time_ms must be positive (0, manual mining, only with development)")
        if not 0 <= self.safe_distance_blocks <= self.finalized_distance_blocks:
            raise ValueError("need 0 <= safe_distance_blocks <= finalized_distance_blocks")
        if not 0 < self.transaction_gas_cap <= self.block_gas_limit < 2**63:
            raise ValueError("need 0 < transaction_gas_cap <= block_gas_limit")
