"""Arguments for the escape contract, from a sealed state: what an account, a vault, the whole state must open.

Invariant: what is opened is what the state's leaves hash to; whoever rebuilds the state from L1 can make them.
"""

from typing import Any

from node.core.commit.forest import Forest
from node.core.commit.leaves import encode_account, encode_market, encode_vault
from node.core.state import Account, State, Vault
from proto.ledger import LEDGER_SECTIONS, Roots, Section

WORD_BYTES = 32


def _words(data: bytes) -> list[bytes]:
    return [data[at : at + WORD_BYTES] for at in range(0, len(data), WORD_BYTES)]


def _proof(forest: Forest, section: Section, key: int) -> tuple[int, list[bytes]]:
    proof = forest.proof(section, key)
    return proof.bitmap, list(proof.siblings)


def open_args(roots: Roots) -> tuple[Any, ...]:
    """Arguments of `open`."""
    return [roots.sections[section] for section in LEDGER_SECTIONS], roots.venue_root(), _words(roots.system)


def account_opening(forest: Forest, state: State, account: Account) -> tuple[Any, ...]:
    """The `AccountOpening` of an account, for `claim` and `worth`."""
    markets = [
        (_words(encode_market(state.markets[number])), _proof(forest, Section.MARKETS, number))
        for number in sorted(account.positions)
        if account.positions[number].size
    ]
    return account.id, _words(encode_account(account)), _proof(forest, Section.ACCOUNTS, account.id), markets


def vault_opening(forest: Forest, vault: Vault) -> tuple[Any, ...]:
    """The `VaultOpening` of a vault, for `valueVault`."""
    return vault.id, _words(encode_vault(vault)), _proof(forest, Section.VAULTS, vault.id)
