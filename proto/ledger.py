"""Layout of the state root: sections, depths, system words, and the leaves that L1 opens.

stateRoot  = H(ledgerRoot ‖ venueRoot)
ledgerRoot = H(accountsRoot ‖ ordersRoot ‖ marketsRoot ‖ withdrawalsRoot ‖ vaultsRoot ‖ H(system words))
venueRoot  = H(root of each venue section in order)

Ledger sections are sparse trees (proto.merkle) keyed by dense ids; a leaf is the keccak of its 32-byte words. The contract opens the system
words and the section roots at every post, and one withdrawal leaf per claim.
"""

from enum import IntEnum, unique
from typing import Final, NamedTuple

from proto.hashing import address_word, keccak, word
from proto.ids import Address


@unique
class Section(IntEnum):
    """Sections in the order in which their roots are hashed: ledger first, venue after."""

    ACCOUNTS = 0
    ORDERS = 1  # Keyed by slot: the lowest free one is used first.
    MARKETS = 2
    WITHDRAWALS = 3  # Append-only, keyed from 0.
    VAULTS = 4
    VENUE_MARKETS = 5
    VENUE_INDICES = 6
    VENUE_WORK = 7  # Key 0: schedule of ticks; key 1: guards of the venue; key 2 + s: the item of the work queue in slot s.
    VENUE_ACCOUNTS = 8  # Keyed by account id; present where an account has something here.
    VENUE_TRIGGERS = 9  # Orders that wait. Keyed by slot: the lowest free one is used first.


DEPTHS: Final[dict[Section, int]] = {
    Section.ACCOUNTS: 32,
    Section.ORDERS: 32,
    Section.MARKETS: 16,
    Section.WITHDRAWALS: 32,
    Section.VAULTS: 16,
    Section.VENUE_MARKETS: 16,
    Section.VENUE_INDICES: 16,
    Section.VENUE_WORK: 32,
    Section.VENUE_ACCOUNTS: 32,
    Section.VENUE_TRIGGERS: 32,
}
LEDGER_SECTIONS: Final = (Section.ACCOUNTS, Section.ORDERS, Section.MARKETS, Section.WITHDRAWALS, Section.VAULTS)
VENUE_SECTIONS: Final = (
    Section.VENUE_MARKETS, Section.VENUE_INDICES, Section.VENUE_WORK, Section.VENUE_ACCOUNTS, Section.VENUE_TRIGGERS,
)  # fmt: skip

SYSTEM_FIXED_WORDS: Final = (
    "seq", "l2Time", "queueCursor", "queueHash", "batchId", "nextAccountId", "nextOrderId", "nextPriority", "nextTradeId",
    "orderSlots", "withdrawalCount", "borrowIndex", "assetCount",
)  # fmt: skip
SYSTEM_ASSET_WORDS: Final = ("owed", "owing", "entries", "withdrawn", "deposited", "price")
"""Per asset: Σ positive balances and pools, Σ |negative ones|, Σ signed entry notionals, cumulative withdrawals, cumulative deposits, and
the last valid index price in micro-USDC per whole unit (0: none yet).

Conservation, per asset: owed − owing − entries + withdrawn == deposited. L1 checks `owed + withdrawn − owing − entries` against what it
ever received, and `owing` against its cap.
"""


class Roots(NamedTuple):
    """Everything between the section trees and the state root; what a post opens."""

    sections: tuple[bytes, ...]  # In the order of `Section`.
    system: bytes  # The system words, concatenated.

    def venue_root(self) -> bytes:
        """Root of all that apply reads beside the ledger."""
        return keccak(b"".join(self.sections[section] for section in VENUE_SECTIONS))

    def ledger_root(self) -> bytes:
        """Root of all that money depends on."""
        return keccak(b"".join(self.sections[section] for section in LEDGER_SECTIONS) + keccak(self.system))

    def state_root(self) -> bytes:
        """The committed root."""
        return keccak(self.ledger_root() + self.venue_root())


def asset_totals(system: bytes) -> tuple[tuple[int, ...], ...]:
    """Per asset, the values of SYSTEM_ASSET_WORDS in the system words."""
    words = [int.from_bytes(system[at : at + 32], "big", signed=True) for at in range(0, len(system), 32)]
    first, width = len(SYSTEM_FIXED_WORDS), len(SYSTEM_ASSET_WORDS)
    return tuple(tuple(words[at : at + width]) for at in range(first, len(words), width))


def withdrawal_words(index: int, account: int, destination: Address, asset: int, amount: int) -> bytes:
    """Leaf words of a withdrawal: index, account id, destination, asset, amount (asset units)."""
    return word(index) + word(account) + address_word(destination) + word(asset) + word(amount)


def rules_hash(protocol_version: int, params_hash: bytes) -> bytes:
    """What identifies the rules: protocol version and parameters."""
    return keccak(word(protocol_version) + params_hash)
