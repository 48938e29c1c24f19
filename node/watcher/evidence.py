"""What a watcher found, as a file that others can check: the finding, the commitment with its signature, and where on L1 its data is."""

import json
import os
from pathlib import Path
from typing import Any, Final

from node.watcher.feed import Place
from node.watcher.report import Disagreement
from node.watcher.verify import PostedBatch
from proto.signing.eip712 import Domain
from proto.version import PROTOCOL_VERSION

FORMAT: Final = 1


def evidence(domain: Domain, found: Disagreement, batch: PostedBatch | None, place: Place) -> dict[str, Any]:
    """The file's content. `batch` is None where L1 itself did what the state does not owe."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "protocolVersion": PROTOCOL_VERSION,
        "chainId": domain.chain_id,
        "contract": _hex(domain.contract),
        "disagreement": found.to_json(),
        "l1": {"block": place.block.number, "blockHash": _hex(place.block.hash), "logIndex": place.log_index},
    }
    if batch is not None:
        c = batch.commitment
        content["commitment"] = {
            "batchId": c.batch_id, "prevStateRoot": _hex(c.prev_state_root), "stateRoot": _hex(c.state_root),
            "inputsRoot": _hex(c.inputs_root), "opsRoot": _hex(c.ops_root), "dataHash": _hex(c.data_hash),
            "rulesHash": _hex(c.rules_hash), "queueHash": _hex(c.queue_hash), "lastSeq": c.last_seq, "opsCount": c.ops_count,
            "queueCursor": c.queue_cursor, "l2Time": c.l2_time,
        }  # fmt: skip
        content["commitmentHash"] = _hex(c.struct_hash())
        content["signature"] = _hex(batch.signature)
        content["dataTransactions"] = [_hex(transaction) for transaction in batch.transactions]
    return content


def write_evidence(directory: Path, content: dict[str, Any]) -> Path:
    """Write it, whole or not at all, under a name that says which batch; an earlier file of the same batch is kept."""
    directory.mkdir(parents=True, exist_ok=True)
    batch = content["disagreement"]["batch"]
    path = directory / f"evidence-batch-{batch}.json"
    number = 1
    while path.exists():
        number += 1
        path = directory / f"evidence-batch-{batch}-{number}.json"
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    return path


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
