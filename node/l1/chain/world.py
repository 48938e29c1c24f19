"""Accounts of the embedded chain in memory, and the differences between two of their states.

Invariants:
- `apply(diff)` returns the diff that undoes it; applying both leaves the world as it was.
- A diff's encoding is canonical (sorted): the same change always has the same bytes.
- Empty accounts (no nonce, balance or code) do not exist (EIP-161); zero slots are not stored.
"""

from dataclasses import dataclass, field
from typing import Final

import rlp

EMPTY_CODE: Final = b""


@dataclass(slots=True)
class Account:
    """One account; owned and mutated by its World only."""

    nonce: int = 0
    balance_wei: int = 0
    code: bytes = EMPTY_CODE
    storage: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """New contents of one account. `code` None means unchanged; only changed slots are listed, 0 clears one."""

    exists: bool
    nonce: int
    balance_wei: int
    code: bytes | None
    storage: tuple[tuple[int, int], ...]


Diff = dict[bytes, AccountChange]
"""Address → change."""
_NOTHING: Final = Account()
GONE: Final = AccountChange(exists=False, nonce=0, balance_wei=0, code=EMPTY_CODE, storage=())


class World:
    """All accounts at one block."""

    __slots__ = ("accounts",)

    def __init__(self) -> None:
        self.accounts: dict[bytes, Account] = {}

    def get(self, address: bytes) -> Account:
        """The account, or an empty one; the caller must not change it."""
        return self.accounts.get(address, _NOTHING)

    def apply(self, diff: Diff) -> Diff:
        """Make the changes; returns those that undo them."""
        undo: Diff = {}
        for address, change in diff.items():
            undo[address] = self._apply_one(address, change)
        return undo

    def _apply_one(self, address: bytes, change: AccountChange) -> AccountChange:
        account = self.accounts.get(address)
        if not change.exists:
            if account is None:
                return GONE
            del self.accounts[address]
            storage = tuple(sorted(account.storage.items()))
            return AccountChange(True, account.nonce, account.balance_wei, account.code, storage)  # noqa: FBT003
        if account is None:
            undo = GONE
            account = self.accounts[address] = Account()
        else:
            before = tuple((slot, account.storage.get(slot, 0)) for slot, _ in change.storage)
            code = None if change.code is None else account.code
            undo = AccountChange(True, account.nonce, account.balance_wei, code, before)  # noqa: FBT003
        account.nonce, account.balance_wei = change.nonce, change.balance_wei
        if change.code is not None:
            account.code = change.code
        for slot, value in change.storage:
            if value:
                account.storage[slot] = value
            else:
                account.storage.pop(slot, None)
        return undo

    def copy(self) -> "World":
        """An independent world with the same contents."""
        other = World()
        other.accounts = {
            address: Account(account.nonce, account.balance_wei, account.code, dict(account.storage))
            for address, account in self.accounts.items()
        }
        return other


def merge(first: Diff, second: Diff) -> Diff:
    """The one change that equals `first` and then `second`."""
    merged = dict(first)
    for address, change in second.items():
        earlier = merged.get(address)
        if earlier is None or not earlier.exists or not change.exists:
            merged[address] = change
            continue
        storage = dict(earlier.storage)
        storage.update(change.storage)
        code = earlier.code if change.code is None else change.code
        merged[address] = AccountChange(
            exists=True,
            nonce=change.nonce,
            balance_wei=change.balance_wei,
            code=code,
            storage=tuple(sorted(storage.items())),
        )
    return merged


def encode_diff(diff: Diff) -> bytes:
    """Canonical bytes of a diff."""
    rows = []
    for address in sorted(diff):
        change = diff[address]
        code: list[bytes] = [] if change.code is None else [change.code]
        slots = [[_integer(slot), _integer(value)] for slot, value in sorted(change.storage)]
        exists = b"\x01" if change.exists else b""
        rows.append([address, exists, _integer(change.nonce), _integer(change.balance_wei), code, slots])
    return bytes(rlp.encode(rows))


def decode_diff(encoded: bytes) -> Diff:
    """Inverse of `encode_diff`, for bytes whose checksum was verified."""
    return {
        bytes(address): AccountChange(
            exists=exists == b"\x01",
            nonce=int.from_bytes(nonce, "big"),
            balance_wei=int.from_bytes(balance, "big"),
            code=bytes(code[0]) if code else None,
            storage=tuple((int.from_bytes(slot, "big"), int.from_bytes(value, "big")) for slot, value in slots),
        )
        for address, exists, nonce, balance, code, slots in rlp.decode(encoded)
    }


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
