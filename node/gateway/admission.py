"""Who is let in, and how often: before the signature by network address, after it by signer and account.

Rates (settings): messages per connection and weight per network address, by the minute; requests per account, which trading earns;
stamped refusals per signer. Cancels pass where orders are held back: those of open orders always, any others up to twice as far.
Every refusal here happens before the stamp, costs no nonce, and says how long to wait. Memory is bounded: the tables forget who
has been quiet longest.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from node.core.hl.resolve import acted_for
from node.core.ledger.signers import check_nonce, find_signer
from node.core.transitions import oracle_report, revoke_publisher
from node.gateway.counting import cancels_open, only_cancels, requests_of
from node.gateway.ports import Backpressure, Settlement, Writer
from node.gateway.settings import LimitSettings
from node.ops.clock import Clock
from node.views.totals import TotalsView
from proto.ids import AccountId, Address
from proto.inputs import OracleReport, RevokePublisher, UserAction
from proto.reject import RejectCode
from proto.units import MICRO_USD_PER_USD

_ENTRIES_MAX: Final = 100_000
_NS_PER_MS: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_FREE_WEIGHT_ACTIONS: Final = 40  # Orders of a batch that weigh one together.


class Refused(NamedTuple):
    """A refusal before the stamp."""

    code: RejectCode
    detail: str = ""
    retry_after_ms: int = 0


class _Bucket:
    """Tokens that refill steadily. Integer: a token is 1,000 units; `at` is when `units` was right."""

    __slots__ = ("at_ms", "units")

    def __init__(self, units: int, at_ms: int) -> None:
        self.units = units
        self.at_ms = at_ms


class TokenBuckets:
    """A bucket for each key: `burst` tokens at most, `per_minute` refilled."""

    def __init__(self, burst: int, per_minute: int) -> None:
        self._full = burst * _MINUTE_MS
        self._rate = per_minute  # Units (1/60,000 token) per millisecond.
        self._buckets: OrderedDict[object, _Bucket] = OrderedDict()

    def take(self, key: object, tokens: int, now_ms: int) -> int:
        """Take tokens and return 0, or return how many milliseconds until they are there."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._full, now_ms)
            if len(self._buckets) > _ENTRIES_MAX:
                self._buckets.popitem(last=False)
        else:
            bucket.units = min(self._full, bucket.units + (now_ms - bucket.at_ms) * self._rate)
            bucket.at_ms = now_ms
            self._buckets.move_to_end(key)
        missing = tokens * _MINUTE_MS - bucket.units
        if missing > 0:
            return -(-missing // self._rate)
        bucket.units -= tokens * _MINUTE_MS
        return 0


class FrameLimit:
    """What one connection may send, whatever it is: pings and malformed frames cost work too. Beyond it the node reads more slowly."""

    __slots__ = ("_bucket", "_now_ms", "_per_minute")

    def __init__(self, per_minute: int, now_ms: Callable[[], int]) -> None:
        self._per_minute = per_minute
        self._now_ms = now_ms
        self._bucket = TokenBuckets(per_minute, per_minute)

    async def pace(self) -> None:
        """Wait until one message more may be read."""
        while self._per_minute and (wait_ms := self._bucket.take(None, 1, self._now_ms())):
            await asyncio.sleep(wait_ms / 1_000)


class Admission:
    """All limits of the gateway."""

    def __init__(
        self,
        limits: LimitSettings,
        clock: Clock,
        settlement: Settlement,
        backpressure: Backpressure,
        writer: Writer,
        totals: TotalsView,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._settlement = settlement
        self._backpressure = backpressure
        self._state = writer.peek(lambda state: state)  # Who is known; shown to nobody.
        self._weights = TokenBuckets(limits.weight_per_minute, limits.weight_per_minute)
        self._cancel_weights = TokenBuckets(limits.weight_per_minute, limits.weight_per_minute)
        self._refusals = TokenBuckets(limits.refusals_burst, limits.refusals_per_second * 60)
        self._slow = TokenBuckets(limits.slow_actions_per_second, limits.slow_actions_per_second * 60)
        self._blocked_until: OrderedDict[Address, int] = OrderedDict()
        self._totals = totals
        self._pending: dict[AccountId, int] = {}  # Requests admitted and not in the totals yet.
        self._next_ms: OrderedDict[tuple[AccountId, bool], int] = OrderedDict()  # By account and whether it is for cancels.

    def now_ms(self) -> int:
        """Monotonic milliseconds."""
        return self._clock.monotonic_ns() // _NS_PER_MS

    def weigh(self, peer: str, weight: int) -> Refused | None:
        """Charge a network address."""
        if self._limits.weight_per_minute == 0:
            return None
        wait_ms = self._weights.take(peer, weight, self.now_ms())
        if wait_ms:
            return Refused(RejectCode.RATE_LIMITED, f"{self._limits.weight_per_minute} weight a minute", wait_ms)
        return None

    def weigh_action(self, peer: str, item: UserAction) -> Refused | None:
        """Charge a network address for an action: 1, and 1 for each 40 orders of a batch. What it may not spend on orders any more it may
        still spend on cancels, as much again."""
        weight = 1 + requests_of(item) // _FREE_WEIGHT_ACTIONS
        refused = self.weigh(peer, weight)
        if refused is not None and only_cancels(item) and not self._cancel_weights.take(peer, weight, self.now_ms()):
            return None
        return refused

    def frames(self) -> "FrameLimit":
        """The limit of a new connection."""
        return FrameLimit(self._limits.frames_per_minute, self.now_ms)

    def knows(self, signer: Address) -> bool:
        """Whether the state knows the key."""
        return signer in self._state.by_address or signer in self._state.agents

    def stands(self, item: UserAction, verdict: Address | RejectCode) -> Refused | None:
        """Whether an action is signed by somebody who may act for its account, with a nonce that could be used now. Costs nothing."""
        if isinstance(verdict, RejectCode):
            return Refused(verdict)
        found = find_signer(self._state, acted_for(self._state, item.intent, verdict), verdict)
        if isinstance(found, RejectCode):
            return Refused(found, f"0x{verdict.hex()}")
        code = check_nonce(found[1], item.intent.nonce, self._state.time)
        return None if code is None else Refused(code, f"nonce {item.intent.nonce}")

    def action(self, item: UserAction, signer: Address) -> Refused | None:
        """Judge a user's action whose signature holds."""
        # Before any budget is touched. Strangers must not spend the account's, and signed actions are public once they are posted: who
        # sends an old one again must not spend its signer's.
        refused = self.stands(item, signer)
        if refused is not None:
            return refused
        blocked = self._blocked_until.get(signer)
        if blocked is not None:
            wait_ms = blocked - self.now_ms()
            if wait_ms > 0:
                return Refused(RejectCode.REFUSAL_BUDGET_SPENT, "", wait_ms)
            del self._blocked_until[signer]
        return self._unposted(item) or self._spend(item, signer)

    def report(self, item: OracleReport, signer: Address) -> Refused | None:
        """Judge a publisher's report whose signature holds: reports are public too, and an old one must not cost journal and L1 space."""
        code = oracle_report.check(self._state, item, signer)
        if (
            code is None or code is RejectCode.REPORT_FROM_THE_FUTURE
        ):  # The state's time may be old: the stamp judges that.
            return None
        return Refused(code, f"0x{signer.hex()} at {item.time}")

    def revocation(self, item: RevokePublisher, signer: Address) -> Refused | None:
        """Judge a publisher's vote whose signature holds, likewise."""
        code = revoke_publisher.check(self._state, item, signer)
        if code is None or code is RejectCode.REPORT_FROM_THE_FUTURE:
            return None
        return Refused(code, f"0x{signer.hex()} against 0x{item.publisher.hex()}")

    def _unposted(self, item: UserAction) -> Refused | None:
        """Cancels always pass: they make the venue smaller."""
        waiting = self._settlement.unposted()
        if waiting < self._backpressure.slow or only_cancels(item):
            return None
        wait_ms = 1_000
        if waiting < self._backpressure.stop:
            wait_ms = self._slow.take(None, 1, self.now_ms())
            if not wait_ms:
                return None
        return Refused(RejectCode.UNPOSTED_BATCH_BOUND, f"{waiting} batches wait", wait_ms)

    def _spend(self, item: UserAction, signer: Address) -> Refused | None:
        """Requests of the account's budget: `budget_actions` + 1 per USDC traded, twice that for cancels; cancels of orders that are open
        always pass: there are never more of them than orders."""
        limits = self._limits
        if limits.budget_actions == 0:
            return None
        account = self._state.by_address[acted_for(self._state, item.intent, signer)]
        count, cancels = requests_of(item), only_cancels(item)
        used, allowed, volume = self._used(account)
        if used + count > (2 * allowed if cancels else allowed) and not (
            cancels and cancels_open(self._state.accounts[account], item)
        ):
            wait_ms = self._wait(account, cancels=cancels)
            if wait_ms:
                traded = f"{volume // MICRO_USD_PER_USD}.{volume % MICRO_USD_PER_USD:06d}"
                figures = f"({used} > {allowed}) for cumulative volume traded ${traded}"
                return Refused(RejectCode.RATE_LIMITED, f"{figures}; trading earns more", wait_ms)
        self._pending[account] = self._pending.get(account, 0) + count
        return None

    def _wait(self, account: AccountId, *, cancels: bool) -> int:
        """Milliseconds until an account without budget may send its next action; 0: now, and then not for a while."""
        now, key = self.now_ms(), (account, cancels)
        wait_ms = self._next_ms.get(key, 0) - now
        if wait_ms > 0:
            return wait_ms
        self._next_ms[key] = now + self._limits.budget_wait_ms
        self._next_ms.move_to_end(key)
        if len(self._next_ms) > _ENTRIES_MAX:
            self._next_ms.popitem(last=False)
        return 0

    def _used(self, account: AccountId) -> tuple[int, int, int]:
        """Requests used, requests allowed, and volume."""
        volume = self._totals.volume(account)
        used = self._totals.requests(account) + self._pending.get(account, 0)
        return used, self._limits.budget_actions + volume // MICRO_USD_PER_USD, volume

    def settled(self, item: UserAction, signer: Address) -> None:
        """An admitted action is durable, and counted in the totals; or it was not taken after all."""
        account = self._state.by_address.get(acted_for(self._state, item.intent, signer))
        if account is None or account not in self._pending:
            return
        self._pending[account] -= requests_of(item)
        if self._pending[account] <= 0:
            del self._pending[account]

    def limits_of(self, address: Address) -> dict[str, int]:
        """Where an account stands: requests used and allowed, the volume that earned them (micro-USDC), and how long its next order, and
        its next cancel of what is not open, would have to wait."""
        account = self._state.by_address.get(address)
        used, allowed, volume = (0, self._limits.budget_actions, 0) if account is None else self._used(account)
        waits = [0, 0]
        if account is not None and self._limits.budget_actions:
            for cancels in (False, True):
                if used >= (2 * allowed if cancels else allowed):
                    waits[cancels] = max(self._next_ms.get((account, cancels), 0) - self.now_ms(), 0)
        return {
            "requests_used": used, "requests_allowed": allowed, "traded": volume, "retry_after_ms": waits[0],
            "cancel_retry_after_ms": waits[1], "weight_per_minute": self._limits.weight_per_minute,
        }  # fmt: skip

    def refused(self, signer: Address) -> None:
        """Charge a signer for a refusal that was stamped."""
        if self._limits.refusals_per_second == 0:
            return
        now = self.now_ms()
        wait_ms = self._refusals.take(signer, 1, now)
        if wait_ms:
            self._blocked_until[signer] = now + wait_ms
            if len(self._blocked_until) > _ENTRIES_MAX:
                self._blocked_until.popitem(last=False)
