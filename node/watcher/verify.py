"""Re-execution of one batch, and the comparison of every claim about it with what really follows from its data.

Invariants:
- Nothing is taken from the operator but the posted bytes: signers are recovered, roots, operations and totals are made anew, L1's facts
  come from L1.
- The state moves only by `apply`; after a disagreement it is worthless, and the verifier must not be used again.
"""

from typing import Final, NamedTuple

from node.core.apply import apply
from node.core.audit import AuditError, audit, audit_totals
from node.core.commit.forest import Forest, LeafRow
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.liquidation import work
from node.core.outcome import Outcome, Rejected
from node.core.params import Params
from node.core.schedule import timed_work_since
from node.core.state import State
from node.l1.vault import ActionQueued, DepositQueued, WithdrawalPaid
from node.watcher.facts import QueueFacts
from node.watcher.prepare import BatchInputs, Unreadable
from node.watcher.report import Disagreement
from node.watcher.settings import WatcherSettings
from proto.batch import Body, BodyError, Commitment, data_hash, decode_body, inputs_root
from proto.ids import Address, Seq
from proto.inputs import (
    DepositSeen,
    FundingTick,
    Input,
    OracleReport,
    QueueItemSeen,
    RevokePublisher,
    SampleTick,
    SealTick,
    Stamp,
    UserAction,
    WorkTick,
)
from proto.ledger import Roots, Section
from proto.merkle import ListTree
from proto.ops import OpKind, encode_op
from proto.reject import RejectCode
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SignatureError, recover
from proto.units import TimeMs


class PostedBatch(NamedTuple):
    """What L1 has of a batch."""

    commitment: Commitment
    signature: bytes
    chunks: tuple[bytes, ...]
    transactions: tuple[bytes, ...] = ()
    """That posted the chunks, in order."""


class Verified(NamedTuple):
    """A batch that is right: its inputs' number, its touched leaves and its roots."""

    inputs: int
    rows: tuple[LeafRow, ...]
    roots: Roots


class _Wrong(Exception):
    """Ends the verification of a batch."""

    def __init__(self, found: Disagreement) -> None:
        super().__init__(str(found))
        self.found = found


class Deployed(NamedTuple):
    """Facts of the contract that checks need."""

    operator: Address
    domain: Domain
    unit_divisors: tuple[int, ...]


_OPS_AT_ONCE: Final = 1_024
_TICKS: Final = (SampleTick, FundingTick, WorkTick)
_NEVER_REFUSED: Final = (DepositSeen, QueueItemSeen, SampleTick, FundingTick, WorkTick, SealTick)
"""Inputs that an honest writer stamps only where they take effect."""


class Verifier:
    """The state as L1 data gives it, one batch after the other."""

    def __init__(self, params: Params, deployed: Deployed, settings: WatcherSettings) -> None:
        self._deployed = deployed
        self._settings = settings
        self.state: State = genesis_state(params)
        self.forest = Forest()
        leaves = collect(self.state)
        self.roots = self.forest.update(leaves)
        self.genesis_rows = leaves.rows
        self.state_root = self.roots.state_root()
        self.queue = QueueFacts(len(params.assets))
        self.withdrawals: dict[int, bytes] = {}
        """Leaf words of verified withdrawals that L1 has not paid."""
        self.paid = [0] * len(params.assets)
        self.batch_id = 0
        """Newest batch that is right."""
        self.last_seq = 0
        """Its last input."""
        self._rules_hash = params.rules_hash()
        self._work_time = TimeMs(0)  # When due work was last seen done, or being done.
        self._current: Commitment  # Of the batch under verification.
        self._suspect: Seq | None = None  # First input that looks wrong, though the rules allow it.
        self._ops = ListTree()

    def resume(self, state: State, forest: Forest, roots: Roots) -> None:
        """Go on from a state that was verified before."""
        self.state, self.forest, self.roots, self.state_root = state, forest, roots, roots.state_root()
        self.batch_id, self.last_seq = state.batch_id, state.seq
        self._work_time = state.time

    # ---------------------------------------------------------------------------------------------------------- batch

    def verify(self, batch: PostedBatch, inputs: BatchInputs | None = None) -> Verified | Disagreement:
        """Check the next batch as L1 has it; `inputs`: its own, where they were begun ahead."""
        self._current = batch.commitment
        try:
            return self._verify_body(self._verify_claim(batch, inputs))
        except _Wrong as wrong:
            return wrong.found

    def verify_body(self, commitment: Commitment, body: Body) -> Verified | Disagreement:
        """Check the next batch, which is not on L1 yet: everything but signature and data hash."""
        self._current = commitment
        try:
            self._verify_order()
            return self._verify_body(BatchInputs(body, self._deployed.domain, None))
        except _Wrong as wrong:
            return wrong.found

    def _same(self, field: str, claimed: object, found: object, sentence: str) -> None:
        if claimed != found:
            at = self.last_seq + 1 if self._suspect is None else self._suspect
            raise self._wrong(at, self._current.last_seq, field, claimed, found, sentence)

    def _verify_order(self) -> None:
        """The batch begins where the one before ended."""
        c, same = self._current, self._same
        self._suspect, self._ops = None, ListTree()
        same("batchId", c.batch_id, self.batch_id + 1, "The batch does not follow its predecessor.")
        same("prevStateRoot", c.prev_state_root, self.state_root, "The batch starts from another state.")
        same("rulesHash", c.rules_hash, self._rules_hash, "The batch was made under other rules.")

    def _verify_claim(self, batch: PostedBatch, inputs: BatchInputs | None) -> BatchInputs:
        """Order, signature and data of a posted batch; its inputs."""
        self._verify_order()
        c, same = self._current, self._same
        same("signature", *self._signers(batch), "The operator did not sign this commitment.")
        same("dataHash", c.data_hash, data_hash(batch.chunks), "The commitment is about other data than was posted.")
        if inputs is not None:
            return inputs
        try:
            return BatchInputs(decode_body(b"".join(batch.chunks)), self._deployed.domain, None)
        except BodyError as error:
            seq = self.last_seq + 1
            raise self._wrong(seq, c.last_seq, "body", "a batch body", str(error), "The data cannot be read.") from error

    def _verify_body(self, inputs: BatchInputs) -> Verified:
        c, state, same, body = self._current, self.state, self._same, inputs.body
        same("body.batchId", body.batch_id, c.batch_id, "The data is another batch's.")
        same("body.firstSeq", body.first_seq, self.last_seq + 1, "The data begins at another input.")
        count = self._execute(inputs)
        same("lastSeq", c.last_seq, state.seq, "The batch ends at another input.")
        same("inputsRoot", c.inputs_root, inputs_root(body.cycles), "The inputs are not those that were committed to.")
        same("l2Time", c.l2_time, state.time, "The last input has another time.")
        same("queueCursor", c.queue_cursor, state.queue_cursor, "Another number of queue items was taken.")
        same("queueHash", c.queue_hash, state.queue_hash, "Other queue items were taken.")
        return self._close(count)

    def _signers(self, batch: PostedBatch) -> tuple[str, str]:
        try:
            signer = recover(batch.commitment.digest(self._deployed.domain), batch.signature).hex()
        except SignatureError as error:
            signer = str(error)
        return signer, self._deployed.operator.hex()

    def _close(self, count: int) -> Verified:
        c, same = self._current, self._same
        leaves = collect(self.state)
        roots = self.forest.update(leaves)
        self._ops.append(encode_op((OpKind.VENUE_SET, roots.venue_root())))
        same("opsCount", c.ops_count, self._ops.count, "The inputs do another number of operations.")
        same("opsRoot", c.ops_root, self._ops.root(), "The inputs do other operations.")
        same("stateRoot", c.state_root, roots.state_root(), "The inputs lead to another state.")
        self.queue.consume(self.state.queue_cursor)
        self.withdrawals.update((row.key, row.leaf) for row in leaves.rows if row.section is Section.WITHDRAWALS)
        self._recount()
        self.roots, self.state_root = roots, roots.state_root()
        self.batch_id, self.last_seq = c.batch_id, c.last_seq
        return Verified(count, leaves.rows, roots)

    def _recount(self) -> None:
        c, same, state, settings = self._current, self._same, self.state, self._settings
        whole = len(state.accounts) <= settings.audit_accounts_max or c.batch_id % settings.audit_every_batches == 0
        try:
            audit(state) if whole else audit_totals(state)
        except AuditError as error:
            same("audit", "money conserved", str(error), "Money appeared or vanished.")
        for number, totals in enumerate(state.totals):
            same(f"deposited[{number}]", totals.deposited, self.queue.consumed[number], "L1 escrowed another sum.")
            escrow = self.queue.consumed[number] - self.paid[number]
            owed = totals.owed - totals.owing - totals.entries + totals.withdrawn - self.paid[number]
            same(f"escrow[{number}]", owed, escrow, "What users are owed is not what L1 holds.")

    # --------------------------------------------------------------------------------------------------------- inputs

    def _execute(self, inputs: BatchInputs) -> int:
        """Apply every record; the number of them."""
        body, state = inputs.body, self.state
        last = body.first_seq + sum(len(cycle.records) for cycle in body.cycles) - 1
        for prepared in inputs:
            if isinstance(prepared, Unreadable):
                text = str(prepared.problem)
                raise self._wrong_input(prepared.seq, "record", "an input", text, "The record cannot be read.")
            seq, time, item, signer, problem = prepared
            self._check_stamp(seq, time, item)
            self._check_facts(seq, item)
            if problem is not None:
                raise self._wrong_input(seq, "signature", "a signature", str(problem), "Nobody signed this input.")
            if type(item) is SealTick and seq != last:
                raise self._wrong_input(seq, "sealTick", "at the end", "inside", "The batch goes on after its seal.")
            self._judge(seq, item, apply(state, Stamp(seq, time), item, signer))
            if len(state.ops) >= _OPS_AT_ONCE:
                self._take_ops()
            if seq == last and type(item) is not SealTick:
                raise self._wrong_input(seq, "sealTick", "at the end", "missing", "The batch does not end with its seal.")
        self._take_ops()
        return last - body.first_seq + 1

    def _take_ops(self) -> None:
        """Move the operations that the state has collected into the batch's tree."""
        ops, self.state.ops = self.state.ops, []
        self._ops.extend([encode_op(op) for op in ops])

    def _check_stamp(self, seq: Seq, time: TimeMs, item: Input) -> None:
        """Time does not fall nor pass the batch's, and the ticks that are due come in time."""
        state, slack = self.state, self._settings.tick_slack_ms
        if time < state.time:
            raise self._wrong_input(seq, "time", time, state.time, "Time falls.")
        if time > self._current.l2_time:
            raise self._wrong_input(seq, "time", time, self._current.l2_time, "The input is later than its batch.")
        if not state.work:
            self._work_time = time
        elif type(item) is SampleTick:
            if not work.is_due(state, time):
                self._work_time = time
            elif state.time > self._work_time + slack:
                raise self._wrong_input(seq, "tick", "in time", "work tick withheld", "Due work was left undone.")
        if type(item) is SampleTick and not work.is_due(state, time):
            since = timed_work_since(state)
            if since is not None and state.time > since + slack:
                raise self._wrong_input(seq, "tick", "in time", "work tick withheld", "Orders outlive their time.")
        if type(item) in _TICKS:
            return
        # The writer stamps due ticks before anything else.
        for name, due in (("sample", state.next_sample), ("funding", state.next_funding)):
            if time > due + slack:
                raise self._wrong_input(seq, "tick", "in time", f"{name} tick withheld", "A due tick did not come.")

    def _check_facts(self, seq: Seq, item: Input) -> None:
        """What the operator reports of L1 is what L1 says."""
        if isinstance(item, QueueItemSeen):
            self._check_action(seq, item)
            return
        if not isinstance(item, DepositSeen):
            return
        fact = self.queue.find(item.index)
        if fact is None:
            raise self._wrong_input(seq, "deposit.index", item.index, "no such item", "L1's queue has no such deposit.")
        if not isinstance(fact, DepositQueued):
            raise self._wrong_input(seq, "deposit.index", item.index, "an action", "L1's queue has an action here.")
        for name, claimed, found in (
            ("owner", item.owner, fact.owner),
            ("asset", item.asset, fact.asset),
            ("amount", item.amount, fact.amount),
        ):
            if claimed != found:
                raise self._wrong_input(seq, f"deposit.{name}", claimed, found, "L1's queue has another deposit here.")

    def _check_action(self, seq: Seq, item: QueueItemSeen) -> None:
        fact = self.queue.find(item.index)
        if not isinstance(fact, ActionQueued):
            raise self._wrong_input(seq, "queueItem", item.index, "none", "L1's queue has no action at this index.")
        for name, claimed, found in (("sender", item.sender, fact.sender), ("payload", item.payload, fact.payload)):
            if claimed != found:
                raise self._wrong_input(seq, f"queueItem.{name}", claimed, found, "L1's queue has another action here.")

    def _judge(self, seq: Seq, item: Input, outcome: Outcome) -> None:
        """What an honest writer would not have stamped is wrong, or at least the first thing to look at."""
        if type(item) is WorkTick:
            self._work_time = self.state.time
        if not isinstance(outcome, Rejected):
            return
        if isinstance(item, _NEVER_REFUSED):
            kind = type(item).__name__
            raise self._wrong_input(seq, kind, "takes effect", outcome.code.name, "An operator's input is refused by the rules.")
        unknown = isinstance(item, UserAction) and outcome.code is RejectCode.SIGNER_UNKNOWN
        stranger = isinstance(item, OracleReport | RevokePublisher) and outcome.code is RejectCode.PUBLISHER_UNKNOWN
        if self._suspect is None and (unknown or stranger):
            self._suspect = seq

    # ---------------------------------------------------------------------------------------------------------- money

    def paid_out(self, event: WithdrawalPaid) -> Disagreement | None:
        """L1 paid a withdrawal: it must be one of ours, paid once."""
        words = self.withdrawals.pop(event.index, None)
        if words is None:
            claimed: object = "paid"
            found: object = "no such withdrawal, or paid before"
        else:
            destination, asset, amount = words[76:96], int.from_bytes(words[96:128], "big"), int.from_bytes(words[128:160], "big")
            found = (destination.hex(), asset, amount * self._deployed.unit_divisors[asset])
            claimed = (event.destination.hex(), int(event.asset), event.amount)
            self.paid[asset] += amount
        if claimed != found:
            sentence = f"L1 paid withdrawal {event.index}, which the state does not owe."
            return Disagreement(
                self.batch_id, self.last_seq, self.last_seq, "withdrawn", _shown(claimed), _shown(found), sentence
            )
        return None

    # ------------------------------------------------------------------------------------------------------- findings

    def _wrong_input(self, seq: int, field: str, claimed: object, found: object, sentence: str) -> _Wrong:
        return self._wrong(seq, seq, field, claimed, found, sentence)

    def _wrong(self, seq: int, last_seq: int, field: str, claimed: object, found: object, sentence: str) -> _Wrong:
        batch_id = self.batch_id + 1
        return _Wrong(Disagreement(batch_id, seq, max(seq, last_seq), field, _shown(claimed), _shown(found), sentence))


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
