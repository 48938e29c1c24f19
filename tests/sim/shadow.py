"""The judge: keeps all that the outside was ever told, and holds it against what the journal says after every crash.

It follows the journal's bytes with a state of its own, from genesis, and knows from the senders who signed what.
Promises that are checked here: nothing acknowledged is lost or changed; what a read showed is what the state was; one signed action takes
effect once; nothing is in the journal that nobody sent; money is conserved; no position is liquidated on bad prices.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from node.core.apply import apply
from node.core.audit import audit
from node.core.genesis import genesis_state
from node.core.outcome import Applied, Outcome, Rejected
from node.core.state import State
from node.sequencer.released import ReleasedInput
from proto.events import IndexStatus, LiquidationStarted, OrderFilled
from proto.ids import ZERO_ADDRESS, Address, MarketId, Seq
from proto.inputs import Input, OracleReport, SealTick, Stamp, UserAction, decode_record, encode_record
from proto.ledger import Section
from proto.reject import RejectCode
from proto.units import PPM
from tests.sim.people import PARAMS

_NONCE_UNUSED = {
    RejectCode.SIGNER_UNKNOWN, RejectCode.ACCOUNT_UNKNOWN, RejectCode.SIGNER_NOT_AUTHORISED, RejectCode.NONCE_REPLAYED,
    RejectCode.NONCE_TOO_OLD, RejectCode.NONCE_TOO_FAR_AHEAD,
}  # fmt: skip


def account_portrait(state: State, address: Address) -> Any:
    """What a reader may ask of an account: everything, as values."""
    number = state.by_address.get(address)
    if number is None:
        return None
    account = state.accounts[number]
    return (
        int(account.cash), sorted(account.balances.items()), sorted(account.orders),
        sorted((p.market, p.size, p.entry) for p in account.positions.values()),
        sorted((signer.address, tuple(signer.nonces)) for signer in account.signers),
    )  # fmt: skip


class Shadow:
    """A second state, and the promises made."""

    def __init__(self) -> None:
        self.state = genesis_state(PARAMS)
        self.signers: dict[bytes, Address] = {}
        """Who made each signature."""
        self.acks: dict[int, ReleasedInput] = {}
        self.reads: defaultdict[int, list[tuple[Address, Any]]] = defaultdict(list)
        self.used: dict[bytes, int] = {}
        self.kinds: defaultdict[str, int] = defaultdict(int)
        self._reports: dict[Address, OracleReport] = {}

    def acknowledged(self, released: ReleasedInput) -> None:
        """Somebody was told what became of an input."""
        known = self.acks.setdefault(released.seq, released)
        assert known == released, f"input {released.seq} was acknowledged twice, differently"
        if released.seq <= self.state.seq:
            raise AssertionError(f"input {released.seq} is acknowledged after a later life began")

    def saw(self, seq: int, address: Address, value: Any) -> None:
        """A reader was shown an account as of `seq`."""
        if seq > self.state.seq:
            self.reads[seq].append((address, value))
        elif seq == self.state.seq:
            assert account_portrait(self.state, address) == value, f"a read at {seq} shows what never was"

    def follow(self, records: Iterable[bytes]) -> None:
        """What the journal has beyond what was followed; everything that was promised must be in it."""
        for record in records:
            self._step(record)
        lost = [seq for seq in (*self.acks, *self.reads) if seq > self.state.seq]
        assert not lost, f"inputs {sorted(lost)[:5]} were shown or acknowledged, the journal ends at {self.state.seq}"
        audit(self.state)

    def _step(self, record: bytes) -> None:
        state = self.state
        time, item = decode_record(record)
        seq = Seq(state.seq + 1)
        signer = self._signer(seq, item)
        outcome = apply(state, Stamp(seq, time), item, signer)
        state.ops = []
        self.kinds[type(item).__name__] += 1
        if isinstance(item, UserAction):
            self._once(seq, item, outcome)
        if isinstance(item, OracleReport) and isinstance(outcome, Applied):
            self._reports[signer] = item
        if isinstance(outcome, Rejected):
            self.kinds[outcome.code.name] += 1
        else:
            self._judge_liquidations(outcome)
        told = self.acks.pop(seq, None)
        if told is not None:
            assert encode_record(told.time, told.item) == record, f"input {seq} is not what was acknowledged"
            assert told.outcome == outcome, f"input {seq} was acknowledged with another outcome"
        for address, value in self.reads.pop(seq, ()):
            assert account_portrait(state, address) == value, f"a read at {seq} showed what never was"
        if isinstance(item, SealTick):
            state.withdrawals, state.touched = [], tuple({} for _ in Section)

    def _signer(self, seq: int, item: Input) -> Address:
        if not isinstance(item, UserAction | OracleReport):
            return ZERO_ADDRESS
        assert item.signature in self.signers, f"nobody sent input {seq}"
        return self.signers[item.signature]

    def _once(self, seq: int, item: UserAction, outcome: Outcome) -> None:
        if isinstance(outcome, Rejected) and outcome.code in _NONCE_UNUSED:
            return
        key = item.signature
        assert key not in self.used, f"inputs {self.used[key]} and {seq} are one action, and both counted"
        self.used[key] = seq

    def _judge_liquidations(self, outcome: Applied) -> None:
        for event in outcome.events:
            if isinstance(event, LiquidationStarted):
                self.kinds["liquidations"] += 1
            if isinstance(event, OrderFilled):
                self.kinds["liquidation fills" if event.liquidation else "fills"] += 1
                if event.liquidation:
                    self._fit_for_liquidation(event.market)

    def _fit_for_liquidation(self, market: MarketId) -> None:
        """A quorum of publishers, each heard of lately, agrees; counted here from the reports themselves."""
        index = PARAMS.markets[market - 1].index
        oracle = PARAMS.oracle
        prices = sorted(
            line.price
            for report in self._reports.values()
            if self.state.time - report.time <= oracle.stale_ms
            for line in report.prices
            if line.index == index
        )
        near = [p for p in prices if abs(p - prices[(len(prices) - 1) // 2]) * PPM <= oracle.deviation_ppm * p * 2]
        assert len(near) >= oracle.quorum, "a position was liquidated without a quorum of prices"
        assert self.state.indices[index].status == IndexStatus.FRESH, "a position was liquidated on bad prices"
