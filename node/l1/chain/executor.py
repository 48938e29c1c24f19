"""The EVM: runs one call or transaction against a World and reports what it did.

`pyrevm` executes Cancun bytecode but is no chain: it keeps one open journal for ever, charges message calls no fee and
does not say which slots changed. Around it this module keeps these invariants:
- After every run the EVM's journal is rolled back, so that each transaction starts with cold addresses and slots and
  the original values that gas and refunds depend on. What a transaction changed enters the EVM's database afterwards.
- Fees and nonces are accounted for here: final balances are exact, gas includes the calldata floor of EIP-7623.
- The World is the truth; the EVM's database is a copy of it that `refresh` keeps in step.

Known departures from mainnet, all in what bytecode can read: BASEFEE is 0, BLOCKHASH is not the chain's, precompiles
newer than Cancun are missing, and the origin's own BALANCE is shown before fees when it could not pay them twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyrevm

from node.l1.chain.block import FEE_RECIPIENT, LogEntry
from node.l1.chain.world import EMPTY_CODE, GONE, AccountChange, Diff, World
from node.l1.transactions import AccessList, created_address, floor_gas
from proto.hashing import keccak
from proto.ids import Address

SPEC: Final = "CANCUN"
_CODE_PADDING_BYTES: Final = 33  # The EVM keeps analysed code with this many zero bytes behind it.
_EMPTY_CODE_HASH: Final = keccak(b"")
_SLOT_CHANGED: Final = re.compile(r"StorageChange \{ address: (0x[0-9a-f]{40}), key: (0x[0-9a-f]+|\d+), ")
_DESTROYED: Final = re.compile(r"AccountDestroyed \{ address: (0x[0-9a-f]{40}), ")
_REVERT_OUTPUT: Final = re.compile(r"^Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}$")


class ExecutionRefused(ValueError):
    """The EVM would not even start: the caller cannot pay, is a contract, or the gas does not cover the start."""


@dataclass(frozen=True, slots=True)
class Message:
    """What to run. `price_wei` is the effective gas price; `nonce` is set for transactions, None for calls."""

    sender: bytes
    to: bytes | None
    value_wei: int
    data: bytes
    gas_limit: int
    price_wei: int = 0
    access_list: AccessList = ()
    nonce: int | None = None
    blob_hashes: tuple[bytes, ...] = ()
    burnt_wei: int = 0  # What the sender pays for blobs, beside gas.


@dataclass(frozen=True, slots=True)
class BlockContext:
    """What the block opcodes answer."""

    number: int
    timestamp_s: int
    base_fee_wei: int
    randao: bytes
    excess_blob_gas: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `output` is return or revert data; `halt` names an exceptional end, empty otherwise."""

    success: bool
    gas_used: int
    output: bytes
    halt: str
    logs: tuple[LogEntry, ...]
    contract: Address | None
    diff: Diff


class Executor:
    """An EVM over one World."""

    def __init__(self, world: World, chain_id: int, block_gas_limit: int) -> None:
        self._world = world
        self._chain_id = chain_id
        self._block_gas_limit = block_gas_limit
        self._evm = self._fresh()

    def _fresh(self) -> pyrevm.EVM:
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=self._chain_id))
        self._evm = pyrevm.EVM(env=env, gas_limit=self._block_gas_limit, spec_id=SPEC)
        for address, account in self._world.accounts.items():
            self._put(address, account.storage.items())
        return self._evm

    def _put(self, address: bytes, slots: Iterable[tuple[int, int]]) -> None:
        """Copy an account's head and the given slots from the World's values into the EVM's database."""
        account = self._world.get(address)
        name = "0x" + address.hex()
        code = account.code or None
        info = pyrevm.AccountInfo(  # type: ignore[call-arg]  # The stub omits `balance`.
            balance=account.balance_wei, nonce=account.nonce, code=code
        )
        self._evm.insert_account_info(name, info)
        for slot, value in slots:
            # Inserting loads the account; rolling back keeps it out of the journal, so that the next insert reaches
            # the database as well and the account is cold afterwards.
            checkpoint = self._evm.snapshot()
            self._evm.insert_account_storage(name, slot, value)
            self._evm.revert(checkpoint)

    def refresh(self, diff: Diff) -> None:
        """Bring the EVM's database in step with a diff that the World has already applied."""
        for address, change in diff.items():
            self._put(address, change.storage)

    def run(self, message: Message, block: BlockContext) -> Outcome:
        """Run and roll back. Raises ExecutionRefused. The World is untouched; the outcome's diff says what changes."""
        evm = self._evm
        self._set_context(message, block)
        shown_less_wei = self._show_fee_paid(message)
        checkpoint = evm.snapshot()
        contract: Address | None = None
        output, evm_price_wei = b"", 0
        try:
            try:
                if message.to is None:
                    nonce = self._world.get(message.sender).nonce
                    evm_price_wei = message.price_wei
                    evm.deploy(  # type: ignore[call-arg]  # The stub omits `gas_price`.
                        deployer="0x" + message.sender.hex(),
                        code=message.data,
                        value=message.value_wei,
                        gas=message.gas_limit,
                        gas_price=message.price_wei,
                    )
                    contract = created_address(message.sender, nonce)
                else:
                    output = evm.message_call(
                        caller="0x" + message.sender.hex(),
                        to="0x" + message.to.hex(),
                        calldata=message.data,
                        value=message.value_wei,
                        gas=message.gas_limit,
                        gas_price=message.price_wei,
                    )
            except RuntimeError as error:
                output = _revert_output(str(error))
                if evm.result is None:
                    raise ExecutionRefused(str(error)) from None
            return self._outcome(message, block, output, contract, shown_less_wei, evm_price_wei)
        finally:
            evm.revert(checkpoint)
            self._restore(message)

    def _set_context(self, message: Message, block: BlockContext) -> None:
        self._evm.set_block_env(
            pyrevm.BlockEnv(
                number=block.number,
                coinbase="0x" + FEE_RECIPIENT.hex(),
                timestamp=block.timestamp_s,
                prevrandao=block.randao,
                basefee=block.base_fee_wei,
                gas_limit=self._block_gas_limit,
                excess_blob_gas=block.excess_blob_gas,
            )
        )
        access_list = [("0x" + address.hex(), list(slots)) for address, slots in message.access_list]
        self._evm.set_tx_env(pyrevm.TxEnv(access_list=access_list, blob_hashes=list(message.blob_hashes)))

    def _show_fee_paid(self, message: Message) -> int:
        """Before a call transaction: count the nonce and, where the EVM's own balance check allows it, hide the fee.

        A creation does both by itself. Returns the wei that were hidden.
        """
        if message.nonce is None or message.to is None:
            return 0
        account = self._world.get(message.sender)
        fee_wei = message.gas_limit * message.price_wei
        hidden_wei = fee_wei if account.balance_wei >= 2 * fee_wei + message.value_wei else 0
        info = pyrevm.AccountInfo(  # type: ignore[call-arg]
            balance=account.balance_wei - hidden_wei, nonce=account.nonce + 1
        )
        self._evm.insert_account_info("0x" + message.sender.hex(), info)
        return hidden_wei

    def _restore(self, message: Message) -> None:
        """Undo what rolling the journal back does not: the shown balance, preloaded accounts, the fee recipient."""
        if message.access_list:
            self._fresh()
            return
        for address in (message.sender, FEE_RECIPIENT):
            self._put(address, ())

    def _outcome(
        self,
        message: Message,
        block: BlockContext,
        output: bytes,
        contract: Address | None,
        hidden_wei: int,
        evm_price_wei: int,
    ) -> Outcome:
        result = self._evm.result
        assert result is not None, "a run that started has a result"
        gas_used = max(result.gas_used, floor_gas(message.data)) if message.nonce is not None else result.gas_used
        logs = tuple(_log(log) for log in result.logs)
        diff: Diff = {}
        if message.nonce is not None:
            corrections = {
                message.sender: hidden_wei
                + result.gas_used * evm_price_wei
                - gas_used * message.price_wei
                - message.burnt_wei,
                FEE_RECIPIENT: gas_used * (message.price_wei - block.base_fee_wei) - result.gas_used * evm_price_wei,
            }
            diff = self._changes(corrections)
        halt = result.reason if result.is_halt else ""
        return Outcome(
            success=result.is_success,
            gas_used=gas_used,
            output=output,
            halt=halt,
            logs=logs,
            contract=contract if result.is_success else None,
            diff=diff,
        )

    def _changes(self, corrections_wei: dict[bytes, int]) -> Diff:
        """What the open journal changes in the World, with balances corrected for fees."""
        journal = self._evm.journal_str
        slots: dict[bytes, dict[int, int]] = {}
        for name, key in _SLOT_CHANGED.findall(journal):
            slot = int(key, 0)
            slots.setdefault(bytes.fromhex(name[2:]), {})[slot] = self._evm.storage(name, slot)
        destroyed = {bytes.fromhex(name[2:]) for name in _DESTROYED.findall(journal)}
        diff: Diff = {}
        for name, info in self._evm.journal_state.items():
            address = bytes.fromhex(name[2:])
            change = self._change(address, info, slots.get(address, {}), corrections_wei.get(address, 0))
            if address in destroyed:
                change = GONE
            if change is not None and (change.exists or address in self._world.accounts):
                diff[address] = change
        return diff

    def _change(
        self, address: bytes, info: pyrevm.AccountInfo, slots: dict[int, int], correction_wei: int
    ) -> AccountChange | None:
        account = self._world.get(address)
        code = _code(info)
        balance_wei = info.balance + correction_wei
        assert balance_wei >= 0, "a transaction cannot cost more than it was checked for"
        changed = tuple(sorted((slot, value) for slot, value in slots.items() if account.storage.get(slot, 0) != value))
        if (info.nonce, balance_wei, code) == (account.nonce, account.balance_wei, account.code) and not changed:
            return None
        if not info.nonce and not balance_wei and not code:
            return GONE
        return AccountChange(
            exists=True,
            nonce=info.nonce,
            balance_wei=balance_wei,
            code=None if code == account.code else code,
            storage=changed,
        )


def _code(info: pyrevm.AccountInfo) -> bytes:
    """The account's code without the padding that analysis adds."""
    if info.code_hash == _EMPTY_CODE_HASH or not info.code:
        return EMPTY_CODE
    for candidate in (info.code, info.code[:-_CODE_PADDING_BYTES]):
        if keccak(candidate) == info.code_hash:
            return candidate
    raise AssertionError("the EVM pads code in a way this version does not know")


def _log(log: pyrevm.Log) -> LogEntry:
    topics, data = log.data
    return LogEntry(address=Address(bytes.fromhex(log.address[2:])), topics=tuple(topics), data=data)


def _revert_output(text: str) -> bytes:
    match = _REVERT_OUTPUT.match(text)
    return bytes.fromhex(match.group(1)) if match else b""
