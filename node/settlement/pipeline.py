"""Several transactions of one key in flight, by consecutive nonces, towards what is wanted now.

Each round is told the first free nonce and the wanted calls, both as of one block, and makes them so: the call wanted first gets the first
free nonce. Invariants:
- A nonce is used once whatever happens, so a call that is wanted once cannot be mined twice from one place in the order.
- Nothing is remembered over a restart: what an earlier process left in the pool is replaced or found to be the same.
- A replacement pays enough more that pools take it; fees never pass the cap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from node.l1.answers import L1Error, L1Refused
from node.l1.rpc import L1Client
from node.l1.sender import BUMP_PERCENT
from node.l1.transactions import FeeMarketFields, Transaction, floor_gas, intrinsic_gas, sign_fee_market
from node.settlement.settings import GWEI, SettlementSettings
from proto.ids import Address
from proto.signing.secp256k1 import SigningKey

RESEND_AFTER_S = 2.0
"""A node may forget what waits; after this long it is asked."""


class PipelineRefused(L1Error):
    """The L1 node does not take a transaction, for a reason that a higher fee does not remove."""

    number = 6725


class Call(NamedTuple):
    """A transaction that is wanted. `name` tells calls apart; equal names mean equal calls."""

    name: tuple[int, int, int]
    data: bytes
    gas_over_intrinsic: int


class Fees(NamedTuple):
    """Wei per gas."""

    max_fee: int
    priority: int

    def raised(self) -> "Fees":
        """Enough more to replace."""
        return Fees(-(-self.max_fee * BUMP_PERCENT // 100), -(-self.priority * BUMP_PERCENT // 100))

    def at_least(self, other: "Fees") -> "Fees":
        """The higher of both, each."""
        priority = max(self.priority, other.priority)
        return Fees(max(self.max_fee, other.max_fee, priority), priority)


@dataclass(slots=True)
class Slot:
    """What was signed for a nonce."""

    name: tuple[int, int, int]
    fees: Fees
    signed: Transaction
    sent_s: float
    asked_s: float
    is_out: bool


class Pipeline:
    """The transactions of one key to one contract."""

    def __init__(self, client: L1Client, key: SigningKey, chain_id: int, settings: SettlementSettings) -> None:
        self._client = client
        self._key = key
        self._chain_id = chain_id
        self._settings = settings
        self._slots: dict[int, Slot] = {}

    @property
    def address(self) -> Address:
        """The account that pays."""
        return self._key.address

    @property
    def in_flight(self) -> int:
        """Transactions that wait."""
        return len(self._slots)

    def take_mined(self, nonce: int) -> list[tuple[int, int, int]]:
        """Forget slots below the first free nonce; the names of what was in them."""
        mined = [number for number in self._slots if number < nonce]
        return [self._slots.pop(number).name for number in sorted(mined)]

    async def want(self, nonce: int, calls: Sequence[Call], base_fee_wei: int, now_s: float) -> None:
        """Have `calls` in flight from `nonce` on. Raises PipelineRefused, L1Unavailable, L1Lied."""
        market = await self._market_fees(base_fee_wei)
        for number, call in enumerate(calls, nonce):
            slot = self._slots.get(number)
            if slot is None:
                slot = self._sign(number, call, market, now_s)
            elif slot.name != call.name:
                slot = self._sign(number, call, market.at_least(slot.fees.raised()), now_s)
            elif now_s - slot.sent_s > self._settings.bump_after_ms / 1_000:
                slot = self._sign(number, call, market.at_least(slot.fees.raised()), now_s) or slot
            if slot is None:
                return  # The cap forbids what would replace the slot; nothing behind it can be mined either.
            await self._send(number, call, slot, now_s)

    def _sign(self, nonce: int, call: Call, fees: Fees, now_s: float) -> Slot | None:
        """Sign and remember; None where the cap forbids it."""
        if fees.max_fee > self._settings.fee_cap_gwei * GWEI:
            return None
        gas = max(floor_gas(call.data), intrinsic_gas(call.data, (), is_creation=False) + call.gas_over_intrinsic)
        fields = FeeMarketFields(
            chain_id=self._chain_id,
            nonce=nonce,
            max_fee_wei=fees.max_fee,
            max_priority_fee_wei=fees.priority,
            gas_limit=gas,
            to=self._settings.contract,
            value_wei=0,
            data=call.data,
        )
        slot = Slot(call.name, fees, sign_fee_market(fields, self._key), now_s, now_s, is_out=False)
        self._slots[nonce] = slot
        return slot

    async def _market_fees(self, base_fee_wei: int) -> Fees:
        """What gets a transaction mined soon, with room for the base fee to double."""
        try:
            suggested = await self._client.priority_fee_wei()
        except L1Refused:
            suggested = 0  # An optional method.
        cap = self._settings.fee_cap_gwei * GWEI
        priority = min(max(suggested, self._settings.priority_fee_gwei_min * GWEI), cap)
        return Fees(min(2 * base_fee_wei + priority, cap), priority)

    async def _send(self, nonce: int, call: Call, slot: Slot, now_s: float) -> None:
        if slot.is_out:
            if now_s - slot.asked_s < RESEND_AFTER_S:
                return
            slot.asked_s = now_s
            if await self._client.transaction(slot.signed.hash) is not None:
                return
        try:
            await self._client.send_raw(slot.signed.raw, slot.signed.hash)
        except L1Refused as error:
            text = error.message.lower()
            if "known" in text or "already imported" in text or "nonce too low" in text:
                pass  # It is there, or its nonce is used; the next round sees which.
            elif "underpriced" in text:
                # Something else waits at this nonce, from before a restart perhaps: pay more in the next round.
                self._sign(nonce, call, slot.fees.raised(), now_s)
                return
            else:
                raise PipelineRefused(error.message) from error
        slot.is_out = True
