"""Receipts against what L1 has: an input that the operator acknowledged and left out, or two promises for one number.

A receipt is the operator's signature over a cycle, and the path from one input to the cycle's root (node.sequencer.receipts). Whoever
keeps it can show later:
- omission: the batch on L1 that covers the number has another cycle there; one opening under the batch's `inputsRoot` proves it;
- equivocation: two receipts whose cycles share a number and differ.
Both need nothing but public data and the operator's own signatures. A receipt that does not verify proves nothing and is refused.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from node.watcher.report import Disagreement
from node.watcher.verify import PostedBatch
from proto.batch import Body, BodyError, Cycle, cycle_leaf, cycle_root, decode_body
from proto.ids import Address
from proto.merkle import list_proof, list_proof_root, list_sides
from proto.signing.eip712 import Domain, receipt_digest
from proto.signing.secp256k1 import SignatureError, recover


class ReceiptInvalid(Exception):
    """The receipt proves nothing; the message says why."""


class Receipt(NamedTuple):
    """One input as the operator acknowledged it."""

    seq: int
    record: bytes
    position: int
    siblings: tuple[bytes, ...]
    first_seq: int
    size: int
    root: bytes
    head: bytes
    signature: bytes

    @property
    def last_seq(self) -> int:
        """Of its cycle."""
        return self.first_seq + self.size - 1

    def cycle(self) -> tuple[int, int, bytes]:
        """What was promised about the cycle, as it stands under a batch's `inputsRoot`."""
        return self.first_seq, self.size, self.root

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a file."""
        return {
            "seq": self.seq, "record": _hex(self.record), "position": self.position, "siblings": [_hex(x) for x in self.siblings],
            "firstSeq": self.first_seq, "count": self.size, "root": _hex(self.root), "head": _hex(self.head),
            "signature": _hex(self.signature),
        }  # fmt: skip


def receipt_of_answer(answer: dict[str, Any]) -> Receipt:
    """The receipt in a node's answer to the `receipt` query."""
    return Receipt(
        answer["seq"], answer["record"], answer["position"], tuple(answer["siblings"]), answer["first_seq"], answer["count"],
        answer["root"], answer["head"], answer["signature"],
    )  # fmt: skip


def read_receipt(path: Path) -> Receipt:
    """A receipt from its file. Raises ReceiptInvalid."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        siblings = tuple(_bytes(text) for text in row["siblings"])
        receipt = Receipt(
            _number(row["seq"]), _bytes(row["record"]), _number(row["position"]), siblings, _number(row["firstSeq"]),
            _number(row["count"]), _bytes(row["root"]), _bytes(row["head"]), _bytes(row["signature"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReceiptInvalid(f"{path} is no receipt: {error}") from error
    if any(len(part) != 32 for part in (receipt.root, receipt.head, *siblings)):
        raise ReceiptInvalid(f"{path} is no receipt: a hash has 32 bytes")
    return receipt


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Keep a receipt in a file."""
    path.write_text(json.dumps(receipt.to_json(), indent=2) + "\n", encoding="utf-8")


def check_receipt(receipt: Receipt, domain: Domain, operator: Address) -> None:
    """The operator signed the cycle, and the input is in it. Raises ReceiptInvalid."""
    if receipt.seq != receipt.first_seq + receipt.position or not 0 <= receipt.position < receipt.size < 2**32:
        raise ReceiptInvalid(f"receipt of input {receipt.seq}: its place is not in its cycle")
    if list_proof_root(receipt.record, receipt.position, receipt.size, receipt.siblings) != receipt.root:
        raise ReceiptInvalid(f"receipt of input {receipt.seq}: the input is not under the signed root")
    digest = receipt_digest(domain, receipt.head, receipt.first_seq, receipt.size, receipt.root)
    try:
        signer = recover(digest, receipt.signature)
    except SignatureError as error:
        raise ReceiptInvalid(f"receipt of input {receipt.seq}: {error}") from error
    if signer != operator:
        raise ReceiptInvalid(f"receipt of input {receipt.seq} is signed by 0x{signer.hex()}, the operator is 0x{operator.hex()}")


def equivocation(first: Receipt, second: Receipt) -> dict[str, Any] | None:
    """Proof that two valid receipts contradict each other: their cycles share a number and differ. None where they do not."""
    share = first.first_seq <= second.last_seq and second.first_seq <= first.last_seq
    if not share or (first.cycle(), first.head) == (second.cycle(), second.head):
        return None
    return {"kind": "equivocation", "a": first.to_json(), "b": second.to_json()}


def omission(receipt: Receipt, body: Body) -> dict[str, Any] | None:
    """The opening that shows another cycle at a valid receipt's number; None where the batch keeps the promise, or does not cover it."""
    cycles = body.cycles
    for at, cycle in enumerate(cycles):
        if cycle.first_seq <= receipt.first_seq < cycle.first_seq + len(cycle.records):
            found = _leaf(cycle)
            if found == receipt.cycle():
                return None
            leaves = [cycle_leaf(*_leaf(each)) for each in cycles]
            first_seq, count, root = found
            return {
                "kind": "omission", "batch": body.batch_id, "receipt": receipt.to_json(),
                "opening": {
                    "firstSeq": first_seq, "count": count, "root": _hex(root), "sides": list_sides(at, len(cycles)),
                    "siblings": [_hex(sibling) for sibling in list_proof(leaves, at)],
                },
            }  # fmt: skip
    return None


class ReceiptCheck:
    """Looks for receipts in the batches that L1 shows; a watcher's `inspect`."""

    def __init__(self, receipts: list[Receipt]) -> None:
        """`receipts` were checked. Two that contradict each other are found at once."""
        self._waiting = list(receipts)
        self.kept: list[int] = []
        """Inputs whose promise L1 keeps."""
        self.proofs: list[dict[str, Any]] = [
            proof
            for number, first in enumerate(receipts)
            for second in receipts[number + 1 :]
            if (proof := equivocation(first, second)) is not None
        ]

    @property
    def waiting(self) -> list[int]:
        """Inputs that no batch on L1 covers yet."""
        return [receipt.seq for receipt in self._waiting]

    def batch(self, posted: PostedBatch) -> Disagreement | None:
        """The next batch, in order: a finding where it breaks a promise, however well it agrees with itself."""
        covered = [receipt for receipt in self._waiting if receipt.first_seq <= posted.commitment.last_seq]
        if not covered:
            return None
        try:
            body = decode_body(b"".join(posted.chunks))
        except BodyError:
            return None  # The watcher's own finding is another one.
        self._waiting = [receipt for receipt in self._waiting if receipt not in covered]
        for receipt in covered:
            proof = omission(receipt, body)
            if proof is None:
                self.kept.append(receipt.seq)
                continue
            self.proofs.append(proof)
            opening = proof["opening"]
            shown = f"cycle of {opening['count']} from {opening['firstSeq']}, root {opening['root']}"
            promised = f"cycle of {receipt.size} from {receipt.first_seq}, root {_hex(receipt.root)}"
            return Disagreement(
                body.batch_id, receipt.seq, receipt.seq, "receipt", promised, shown,
                "The operator acknowledged an input and posted another history.",
            )  # fmt: skip
        return None


def _leaf(cycle: Cycle) -> tuple[int, int, bytes]:
    return cycle.first_seq, len(cycle.records), cycle_root(cycle.records)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("expected 0x and hex digits")
    return bytes.fromhex(text[2:])


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError("a number is out of range")
    return value
