"""Receipts: the sequencer's signature over each cycle, and the path from an input to the signed root.

Two receipts for one number with different roots prove equivocation; a receipt whose cycle root is not under the batch's `inputsRoot`
proves an omission.
"""

from typing import NamedTuple

from node.sequencer.machine import ClosedCycle
from node.store.journal import Journal
from node.store.keys import CycleRow
from proto.ids import Seq
from proto.merkle import list_proof
from proto.signing.eip712 import Domain, receipt_digest
from proto.signing.secp256k1 import SigningKey


class ReceiptProof(NamedTuple):
    """All that an outsider needs: `list_proof_root(record, position, cycle.size, siblings)` is `cycle.root`, which is signed."""

    seq: Seq
    cycle: CycleRow
    record: bytes
    position: int
    siblings: tuple[bytes, ...]


def sign_cycle(key: SigningKey, domain: Domain, cycle: ClosedCycle) -> CycleRow:
    """The cycle's row with the receipt signature."""
    size = len(cycle.records)
    signature = key.sign(receipt_digest(domain, cycle.head, cycle.first_seq, size, cycle.root))
    return CycleRow(cycle.first_seq, size, cycle.root, cycle.head, signature)


def receipt_proof(journal: Journal, seq: int) -> ReceiptProof | None:
    """The receipt of a durable input, or None where no such input is in the journal."""
    row = journal.cycle_of(seq)
    if row is None:
        return None
    records = list(journal.records(row.first_seq, row.last_seq))
    position = seq - row.first_seq
    return ReceiptProof(Seq(seq), row, records[position], position, list_proof(records, position))
