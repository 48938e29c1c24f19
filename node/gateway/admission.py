"""Who is let in, and how often: before the signature by network address, after it by signer and account.

Rates (settings): weight per network address and minute; actions per account, which trading earns; stamped refusals per signer. Every
refusal here happens before the stamp, costs no nonce, and says how long to wait. Memory is bounded: the tables forget who has been
quiet longest.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from node.core.hl.resolve import acted_for
from node.core.ledger.signers import check_nonce, find_signer
from node.core.transitions import oracle_report
from node.gateway.ports import Backpressure, Settlement, Writer
from node.gateway.settings import LimitSettings
from node.ops.clock import Clock
from proto.hl.actions import HlAction, HlCancel, HlCancelByCloid, HlL1Request, HlModify, HlPlace, HlUserRequest
from proto.ids import Address
from proto.inputs import OracleReport, UserAction
from proto.intents import (
    AmendOrders,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    Intent,
    PlaceOrders,
    PlaceScale,
    ScheduleCancel,
)
from proto.reject import RejectCode
from proto.units import MICRO_USD_PER_USD

_ENTRIES_MAX: Final = 100_000
_NS_PER_MS: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_CANCELS: Final = (CancelByClientId, CancelOrder, CancelOrders, CancelAll, ScheduleCancel)
_HL_CANCELS: Final = (HlCancel, HlCancelByCloid)
_FREE_WEIGHT_ACTIONS: Final = 40  # Orders of a batch that weigh one together.


def _items(action: HlAction | Intent) -> int:
    """Orders or cancels of an action."""
    match action:
        case PlaceOrders():
            return len(action.orders)
        case AmendOrders():
            return len(action.amends)
        case CancelOrders():
            return len(action.order_ids) + len(action.client_ids)
        case PlaceScale():
            return action.count
        case HlPlace():
            return len(action.orders)
        case HlModify():
            return len(action.modifies)
        case HlCancel() | HlCancelByCloid():
            return len(action.cancels)
        case _:
            return 1


def _cancels(item: UserAction) -> bool:
    """Whether an action only takes orders out."""
    intent = item.intent
    return isinstance(intent, _CANCELS) or (isinstance(intent, HlL1Request) and isinstance(intent.action, _HL_CANCELS))


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


class _Budget:
    """What an account has used of its actions."""

    __slots__ = ("earned", "next_ms", "used")

    def __init__(self) -> None:
        self.used = 0
        self.earned = 0
        self.next_ms = 0


class Admission:
    """All limits of the gateway."""

    def __init__(
        self, limits: LimitSettings, clock: Clock, settlement: Settlement, backpressure: Backpressure, writer: Writer
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._settlement = settlement
        self._backpressure = backpressure
        self._state = writer.peek(lambda state: state)  # Who is known; shown to nobody.
        self._weights = TokenBuckets(limits.weight_per_minute, limits.weight_per_minute)
        self._refusals = TokenBuckets(limits.refusals_burst, limits.refusals_per_second * 60)
        self._slow = TokenBuckets(limits.slow_actions_per_second, limits.slow_actions_per_second * 60)
        self._blocked_until: OrderedDict[Address, int] = OrderedDict()
        self._budgets: OrderedDict[Address, _Budget] = OrderedDict()

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

    def action_weight(self, item: UserAction) -> int:
        """1, or 1 + n/40 for a batch of n."""
        intent = item.intent
        if isinstance(intent, HlUserRequest):
            return 1
        return 1 + _items(intent.action if isinstance(intent, HlL1Request) else intent) // _FREE_WEIGHT_ACTIONS

    def knows(self, signer: Address) -> bool:
        """Whether the state knows the key."""
        return signer in self._state.by_address or signer in self._state.agents

    def action(self, item: UserAction, signer: Address) -> Refused | None:
        """Judge a user's action whose signature holds."""
        found = find_signer(self._state, acted_for(self._state, item.intent, signer), signer)
        # Before any budget is touched. Strangers must not spend the account's, and signed actions are public once they are posted: who
        # sends an old one again must not spend its signer's.
        if isinstance(found, RejectCode):
            return Refused(found, f"0x{signer.hex()}")
        code = check_nonce(found[1], item.intent.nonce, self._state.time)
        if code is not None:
            return Refused(code, f"nonce {item.intent.nonce}")
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

    def _unposted(self, item: UserAction) -> Refused | None:
        """Cancels always pass: they make the venue smaller."""
        waiting = self._settlement.unposted()
        if waiting < self._backpressure.slow or _cancels(item):
            return None
        wait_ms = 1_000
        if waiting < self._backpressure.stop:
            wait_ms = self._slow.take(None, 1, self.now_ms())
            if not wait_ms:
                return None
        return Refused(RejectCode.UNPOSTED_BATCH_BOUND, f"{waiting} batches wait", wait_ms)

    def _spend(self, item: UserAction, signer: Address) -> Refused | None:
        """One action of the account's budget: `budget_actions` + 1 per USDC traded, twice that for cancels."""
        limits = self._limits
        if limits.budget_actions == 0:
            return None
        budget = self._budget(acted_for(self._state, item.intent, signer))
        allowed = limits.budget_actions + budget.earned // MICRO_USD_PER_USD
        if _cancels(item):
            allowed *= 2
        if budget.used >= allowed:
            now = self.now_ms()
            if now < budget.next_ms:
                return Refused(
                    RejectCode.RATE_LIMITED,
                    "the account's actions are used up; trading earns more",
                    budget.next_ms - now,
                )
            budget.next_ms = now + limits.budget_wait_ms
        budget.used += 1
        return None

    def _budget(self, account: Address) -> _Budget:
        budget = self._budgets.get(account)
        if budget is None:
            budget = self._budgets[account] = _Budget()
            if len(self._budgets) > _ENTRIES_MAX:
                self._budgets.popitem(last=False)
        return budget

    def budget_of(self, account: Address) -> tuple[int, int, int]:
        """Actions used, actions allowed, and what was traded in micro-USDC."""
        budget = self._budgets.get(account) or _Budget()
        return budget.used, self._limits.budget_actions + budget.earned // MICRO_USD_PER_USD, budget.earned

    def traded(self, account: Address, quote: int) -> None:
        """Credit an account with what it traded, micro-USDC."""
        if self._limits.budget_actions:
            self._budget(account).earned += quote

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
