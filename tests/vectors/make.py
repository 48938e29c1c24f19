"""Writes the golden vectors: `python -m tests.vectors.make`.

The files are checked by tests/vectors/test_vectors.py and are what an implementation in another language starts from. They change
only together with the protocol's version number.
"""

import json
from dataclasses import asdict, is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from node.core.commit.forest import Forest, LeafRow
from proto.batch import (
    action_item_hash,
    chunks_of,
    cycle_root,
    data_hash,
    deposit_item_hash,
    encode_body,
    inputs_root,
    next_head,
    next_queue_hash,
)
from proto.canonical import unpack
from proto.frames import FrameKind, encode_client_frame, encode_node_frame, refusal_items
from proto.hashing import ZERO_HASH, keccak
from proto.ids import BACKSTOP_ADDRESS, INSURANCE_ADDRESS, TREASURY_ADDRESS, sub_account_address
from proto.inputs import encode_record
from proto.intents import encode_intent
from proto.ledger import DEPTHS, Section, rules_hash, withdrawal_words
from proto.merkle import list_proof, list_root, sparse_proof_root
from proto.ops import decode_op, encode_op
from proto.reject import RETRY_CAN_HELP, RejectCode
from proto.signing.eip712 import TYPES, domain_separator, intent_digest, receipt_digest, report_digest
from proto.units import TimeMs
from proto.version import PROTOCOL_VERSION
from tests.vectors import samples

HERE = Path(__file__).parent


def plain(value: Any) -> Any:
    """JSON of a value: bytes as hex, integers beyond 2^53 as text, dataclasses as objects."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(part) for name, part in asdict(value).items()}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    return [plain(part) for part in value]


def intents() -> Any:
    """Every action: fields, canonical bytes, EIP-712 digest, signature of the sample key."""
    rows = [
        {
            "name": name, "fields": intent, "canonical": encode_intent(intent),
            "digest": intent_digest(samples.DOMAIN, intent), "signature": samples.signed(intent),
        }
        for name, intent in samples.INTENTS.items()
    ]  # fmt: skip
    return {
        "secret": samples.KEY.secret, "address": samples.KEY.address, "domain": samples.DOMAIN,
        "domain_separator": domain_separator(samples.DOMAIN), "types": TYPES, "actions": rows,
    }  # fmt: skip


def inputs() -> Any:
    """Every input's record, as in the journal and in a batch."""
    time = TimeMs(samples.NONCE + 5)
    return {
        "time": time,
        "report_digest": report_digest(samples.DOMAIN, samples.REPORT.time, samples.LINES),
        "records": [{"name": name, "record": encode_record(time, item)} for name, item in samples.INPUTS.items()],
    }


def ops() -> Any:
    """Every operation's 128 bytes and its fields."""
    rows = []
    for name, op in samples.OPS.items():
        data = encode_op(op)
        rows.append({"name": name, "fields": dict(decode_op(data).fields), "bytes": data})
    return rows


def frames() -> Any:
    """Every client frame, and every kind that a node sends."""
    clients = [{"name": name, "bytes": encode_client_frame(frame)} for name, frame in samples.CLIENT_FRAMES.items()]
    servers = []
    for kind in samples.SERVER_KINDS:
        items = [kind.value, 7, {"wide": 2**70, "none": None}, -1]
        if kind == FrameKind.REFUSAL:
            items = refusal_items(7, 41, RejectCode.MARGIN_INSUFFICIENT, "needs 12.5 USDC more")
        servers.append({"name": kind.name, "bytes": encode_node_frame(items)})
    return {"client": clients, "node": servers}


def merkle() -> Any:
    """List trees of every size up to nine with a proof of each leaf; a sparse tree with proofs of presence and absence."""
    lists = []
    for count in range(1, 10):
        items = [f"leaf {number}".encode() for number in range(count)]
        proofs = [list_proof(items, index) for index in range(count)]
        lists.append({"items": items, "root": list_root(items), "proofs": proofs})
    forest = Forest()
    leaves = {key: withdrawal_words(key, 3, samples.OTHER, 0, 10**6 + key) for key in (0, 1, 2, 5, 1_000)}
    forest.load(LeafRow(Section.WITHDRAWALS, key, leaf, b"") for key, leaf in leaves.items())
    rows = []
    for key in (*leaves, 3, 2**32 - 1):
        proof = forest.proof(Section.WITHDRAWALS, key)
        digest = forest.leaf_hash(Section.WITHDRAWALS, key)
        root = sparse_proof_root(digest, key, DEPTHS[Section.WITHDRAWALS], proof)
        rows.append(
            {"key": key, "leaf": leaves.get(key, b""), "bitmap": proof.bitmap, "siblings": proof.siblings, "root": root}
        )
    return {"lists": lists, "sparse": {"depth": DEPTHS[Section.WITHDRAWALS], "proofs": rows}}


def batch() -> Any:
    """A body with its hashes, a receipt, a commitment, queue hashes."""
    body = samples.BODY
    data = encode_body(body)
    root, chunks = inputs_root(body.cycles), chunks_of(data)
    made = samples.commitment(root, data_hash(chunks))
    cycle = body.cycles[0]
    head = next_head(ZERO_HASH, cycle.first_seq, len(cycle.records), cycle_root(cycle.records))
    deposit = deposit_item_hash(0, samples.OTHER, 1, 123_456_789)
    action = action_item_hash(1, samples.OTHER, b"payload")
    receipt = receipt_digest(samples.DOMAIN, head, cycle.first_seq, len(cycle.records), cycle_root(cycle.records))
    return {
        "body": data, "cycle_roots": [cycle_root(c.records) for c in body.cycles], "head_after_first_cycle": head,
        "inputs_root": root, "data_hash": data_hash(chunks), "commitment": made, "commitment_words": made.words(),
        "commitment_digest": made.digest(samples.DOMAIN), "receipt_digest": receipt,
        "receipt_signature": samples.KEY.sign(receipt), "deposit_item": deposit, "action_item": action,
        "queue_hash": next_queue_hash(next_queue_hash(ZERO_HASH, deposit), action),
        "rules_hash_of_zero_params": rules_hash(PROTOCOL_VERSION, ZERO_HASH),
    }  # fmt: skip


def names() -> Any:
    """Numbers and addresses that everybody must agree on."""
    return {
        "protocol_version": PROTOCOL_VERSION, "insurance": INSURANCE_ADDRESS, "treasury": TREASURY_ADDRESS, "backstop": BACKSTOP_ADDRESS,
        "sub_account_3": sub_account_address(samples.OTHER, 3), "keccak_of_empty": keccak(b""),
        "rejects": [
            {"code": code.value, "name": code.name, "retry_can_help": RETRY_CAN_HELP[code]}
            for code in RejectCode
        ],
        "canonical": [{"bytes": data, "value": unpack(data)} for data in samples.RECORDS[4:]],
    }  # fmt: skip


FILES = {
    "intents": intents, "inputs": inputs, "ops": ops, "frames": frames, "merkle": merkle, "batch": batch, "names": names,
}  # fmt: skip


def text_of(name: str) -> str:
    """The content of one vector file."""
    return json.dumps(plain(FILES[name]()), indent=1) + "\n"


def main() -> None:
    """Write all files."""
    folder = HERE / "proto"
    folder.mkdir(exist_ok=True)
    for name in FILES:
        (folder / f"{name}.json").write_text(text_of(name))


if __name__ == "__main__":
    main()
