"""Signs and sends the transactions of one key, one at a time, and sees each through to its confirmations.

Invariants:
- One intent, one nonce: whatever is broadcast for an intent (first try, higher fees, again after a reorg) carries the
  same nonce, so at most one of them can ever be mined.
- The nonce is the first one not used in a block: a leftover of an earlier run is replaced, never queued behind.
- `record`, if given, has seen an attempt before it is broadcast; `resume` continues such an attempt after a restart.
- A result is given only once its block is `confirmations` deep, counted on the branch that is canonical then.
- Fees never pass `max_fee_cap_wei` nor the number of replacements `bumps_max`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from node.l1.answers import L1Error, L1Receipt, L1Refused, L1Unavailable
from node.l1.rpc import CallMessage, L1Client
from node.l1.transactions import FeeMarketFields, Transaction, floor_gas, sign_fee_market
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey

GWEI: Final = 10**9
TRANSACTION_GAS_CAP: Final = 16_777_216  # EIP-7825
TRANSACTION_BYTES_MAX: Final = 128 * 1024  # What geth's pool takes.
BUMP_PERCENT: Final = 113  # Pools ask for a tenth (geth) to an eighth (blob pools) more.
MISSING_HEADS: Final = 3
"""Under how many different heads a used nonce must show no receipt of ours before we believe that another took it."""

Clock = Callable[[], float]


class SendRefused(L1Error):
    """The transaction cannot be sent: it would revert, costs more than we have, or exceeds a limit.

    `output` is the revert data, empty where there is none.
    """

    def __init__(self, message: str, output: bytes = b"") -> None:
        super().__init__(message)
        self.output = output


class SendStuck(L1Error):
    """Not mined in time at the highest fee allowed. `attempt` can be resumed."""

    def __init__(self, attempt: "Attempt") -> None:
        super().__init__(f"nonce {attempt.nonce} is not mined after {len(attempt.hashes)} tries")
        self.attempt = attempt


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to happen on L1. `gas_limit` None asks the node."""

    to: Address | None
    data: bytes
    value_wei: int = 0
    gas_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far an intent has come: its nonce, every transaction broadcast for it (oldest first), its newest fees."""

    nonce: int
    gas_limit: int
    max_fee_wei: int
    priority_fee_wei: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Included:
    """Mined and confirmed. `receipt.success` says whether it did what was intended."""

    receipt: L1Receipt
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class NonceTaken:
    """Another transaction of this key used the nonce; nothing of the intent was mined. Look at L1 and decide anew."""

    attempt: Attempt


SendResult = Included | NonceTaken
Record = Callable[[Attempt], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSettings:
    """Patience, fees and depth. Gas estimates get `gas_margin_percent` on top."""

    chain_id: int
    confirmations: int = 1
    poll_s: float = 0.5
    bump_after_s: float = 30.0
    bumps_max: int = 8
    give_up_after_s: float = 600.0
    max_fee_cap_wei: int = 500 * GWEI
    priority_fee_min_wei: int = GWEI // 10
    gas_margin_percent: int = 20


@dataclass(slots=True)
class _Progress:
    """What one `send` knows while it waits; `signed` is None until this process has signed the newest attempt."""

    attempt: Attempt
    signed: Transaction | None
    last_bump_s: float
    missing_at: frozenset[int] = frozenset()


class TransactionSender:
    """Sends for one key over one client."""

    def __init__(self, client: L1Client, key: SigningKey, settings: SenderSettings, clock: Clock | None = None) -> None:
        self._client = client
        self._key = key
        self._settings = settings
        self._clock = clock
        self._turn = asyncio.Lock()

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._key.address

    async def send(self, intent: Intent, *, resume: Attempt | None = None, record: Record | None = None) -> SendResult:
        """See the intent through. Raises SendRefused, SendStuck, L1Lied; survives L1Unavailable until it gives up."""
        async with self._turn:
            started_s = self._now()
            attempt = resume if resume is not None else await self._first_attempt(intent, started_s)
            progress = _Progress(attempt, None, started_s)
            if resume is None:
                await self._sign_and_record(intent, progress, record)
            while True:
                try:
                    result = await self._step(intent, progress, record)
                except L1Unavailable:
                    result = None
                if result is not None:
                    return result
                if self._now() - started_s > self._settings.give_up_after_s:
                    raise SendStuck(progress.attempt)
                await asyncio.sleep(self._settings.poll_s)

    def _now(self) -> float:
        return self._clock() if self._clock is not None else asyncio.get_running_loop().time()

    async def _first_attempt(self, intent: Intent, started_s: float) -> Attempt:
        """Gas, nonce and fees; waits out an L1 that is away."""
        while True:
            try:
                gas_limit = await self._gas_limit(intent)
                nonce = await self._client.nonce(self.address, "latest")
                max_fee_wei, priority_fee_wei = await self._fees()
                return Attempt(nonce, gas_limit, max_fee_wei, priority_fee_wei, ())
            except L1Unavailable:
                if self._now() - started_s > self._settings.give_up_after_s:
                    raise
                await asyncio.sleep(self._settings.poll_s)

    async def _gas_limit(self, intent: Intent) -> int:
        if intent.gas_limit is not None:
            return intent.gas_limit
        message = CallMessage(intent.to, intent.data, self.address, intent.value_wei)
        try:
            estimate = await self._client.estimate_gas(message)
        except L1Refused as error:
            raise SendRefused(f"would fail: {error.message}", error.data) from error
        if estimate > TRANSACTION_GAS_CAP:
            raise SendRefused(f"needs {estimate} gas, a transaction may have {TRANSACTION_GAS_CAP}")
        wanted = max(estimate * (100 + self._settings.gas_margin_percent) // 100, floor_gas(intent.data))
        return min(wanted, TRANSACTION_GAS_CAP)

    async def _fees(self) -> tuple[int, int]:
        """(max fee, priority fee) with room for the base fee to double."""
        head = await self._client.block("latest")
        if head is None:
            raise L1Unavailable("the node has no latest block")
        try:
            suggested = await self._client.priority_fee_wei()
        except L1Refused:
            suggested = 0  # Optional method.
        cap = self._settings.max_fee_cap_wei
        priority = min(max(suggested, self._settings.priority_fee_min_wei), cap)
        return min(2 * head.base_fee_wei + priority, cap), priority

    async def _sign_and_record(self, intent: Intent, progress: _Progress, record: Record | None) -> None:
        """Sign the attempt's newest fees; the record knows the hash before anybody else does."""
        attempt = progress.attempt
        signed = sign_fee_market(
            FeeMarketFields(
                chain_id=self._settings.chain_id,
                nonce=attempt.nonce,
                max_fee_wei=attempt.max_fee_wei,
                max_priority_fee_wei=attempt.priority_fee_wei,
                gas_limit=attempt.gas_limit,
                to=intent.to,
                value_wei=intent.value_wei,
                data=intent.data,
            ),
            self._key,
        )
        if len(signed.raw) > TRANSACTION_BYTES_MAX:
            raise SendRefused(f"transaction has {len(signed.raw)} bytes, at most {TRANSACTION_BYTES_MAX} are taken")
        if signed.hash not in attempt.hashes:
            progress.attempt = replace(attempt, hashes=(*attempt.hashes, signed.hash))
            if record is not None:
                await record(progress.attempt)
        progress.signed = signed

    async def _step(self, intent: Intent, progress: _Progress, record: Record | None) -> SendResult | None:
        """One look at L1 and at most one broadcast."""
        used = await self._client.nonce(self.address, "latest")
        receipt = await self._find_receipt(progress.attempt)
        if receipt is not None:
            progress.missing_at = frozenset()
            return await self._confirmed(receipt, progress.attempt)
        if used > progress.attempt.nonce:
            progress.missing_at |= {await self._client.block_number()}
            return NonceTaken(progress.attempt) if len(progress.missing_at) >= MISSING_HEADS else None
        progress.missing_at = frozenset()
        if progress.signed is None:
            await self._sign_and_record(intent, progress, record)
        elif self._now() - progress.last_bump_s > self._settings.bump_after_s:
            await self._bump(intent, progress, record)
        await self._broadcast(intent, progress, record)
        return None

    async def _find_receipt(self, attempt: Attempt) -> L1Receipt | None:
        for transaction_hash in reversed(attempt.hashes):
            receipt = await self._client.receipt(transaction_hash)
            if receipt is not None:
                return receipt
        return None

    async def _confirmed(self, receipt: L1Receipt, attempt: Attempt) -> Included | None:
        """The result once the receipt's block is canonical and deep enough."""
        head = await self._client.block_number()
        if head - receipt.block_number + 1 < self._settings.confirmations:
            return None
        block = await self._client.block(receipt.block_number)
        if block is None or block.hash != receipt.block_hash:
            return None  # A reorg is under way; the next look decides.
        return Included(receipt, attempt)

    async def _bump(self, intent: Intent, progress: _Progress, record: Record | None) -> None:
        """Raise both fees enough to replace what waits, within the limits."""
        attempt = progress.attempt
        if len(attempt.hashes) > self._settings.bumps_max:
            return
        market_fee_wei, market_priority_wei = await self._fees()
        priority_wei = max(-(-attempt.priority_fee_wei * BUMP_PERCENT // 100), market_priority_wei)
        max_fee_wei = max(-(-attempt.max_fee_wei * BUMP_PERCENT // 100), market_fee_wei, priority_wei)
        progress.last_bump_s = self._now()
        if max_fee_wei > self._settings.max_fee_cap_wei:
            return
        progress.attempt = replace(attempt, max_fee_wei=max_fee_wei, priority_fee_wei=priority_wei)
        await self._sign_and_record(intent, progress, record)

    async def _broadcast(self, intent: Intent, progress: _Progress, record: Record | None) -> None:
        """Hand over the newest transaction unless the node has it; pools forget, so this is done at every look."""
        signed = progress.signed
        assert signed is not None, "signed before broadcast"
        if await self._client.transaction(signed.hash) is not None:
            return
        try:
            await self._client.send_raw(signed.raw, signed.hash)
        except L1Refused as error:
            text = error.message.lower()
            if "known" in text or "already imported" in text or "nonce too low" in text:
                return  # It is there, or the nonce is used; the next look finds out by whom.
            if "underpriced" in text:
                await self._bump(intent, progress, record)
                return
            raise SendRefused(f"not taken: {error.message}", error.data) from error
