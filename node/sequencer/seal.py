"""From a closed batch to its header: roots, operations root, data hash. Pure; runs in the sealing thread.

The forest is touched by that thread alone, and moves from one sealed state to the next.
"""

from typing import Final

from node.core.commit.forest import Forest, SealLeaves
from node.sequencer.machine import SealWork
from node.store.headers import GENESIS_BATCH, BatchHeader
from proto.batch import Body, chunks_of, data_hash, encode_body
from proto.hashing import ZERO_HASH
from proto.ids import Seq
from proto.ledger import SYSTEM_FIXED_WORDS, Roots
from proto.ops import OpKind, encode_op
from proto.units import TimeMs

_QUEUE_CURSOR: Final = SYSTEM_FIXED_WORDS.index("queueCursor")
_QUEUE_HASH: Final = SYSTEM_FIXED_WORDS.index("queueHash")


def _word(system: bytes, at: int) -> bytes:
    return system[32 * at : 32 * at + 32]


def seal_header(forest: Forest, work: SealWork, previous: BatchHeader) -> BatchHeader:
    """Bring the forest to the batch's state and build the header."""
    roots = forest.update(work.leaves)
    batch = work.batch
    # The venue root stands for everything that has no operation of its own: the last step of every batch sets it.
    batch.ops.append(encode_op((OpKind.VENUE_SET, roots.venue_root())))
    body = encode_body(Body(batch.batch_id, batch.first_seq, tuple(batch.cycles)))
    system = roots.system
    return BatchHeader(
        batch_id=batch.batch_id,
        first_seq=batch.first_seq,
        last_seq=work.last_seq,
        cycles=len(batch.cycles),
        l2_time=work.time,
        prev_state_root=previous.state_root,
        state_root=roots.state_root(),
        inputs_root=batch.cycle_leaves.root(),
        ops_root=batch.ops.root(),
        ops_count=batch.ops.count,
        data_hash=data_hash(chunks_of(body)),
        rules_hash=previous.rules_hash,
        queue_hash=_word(system, _QUEUE_HASH),
        queue_cursor=int.from_bytes(_word(system, _QUEUE_CURSOR), "big"),
        head=work.head,
        body_bytes=len(body),
        roots=roots,
    )


def genesis_header(forest: Forest, leaves: SealLeaves, rules_hash: bytes) -> BatchHeader:
    """Header 0: the genesis state, before any input."""
    roots: Roots = forest.update(leaves)
    return BatchHeader(
        batch_id=GENESIS_BATCH,
        first_seq=Seq(1),
        last_seq=Seq(0),
        cycles=0,
        l2_time=TimeMs(0),
        prev_state_root=ZERO_HASH,
        state_root=roots.state_root(),
        inputs_root=ZERO_HASH,
        ops_root=ZERO_HASH,
        ops_count=0,
        data_hash=ZERO_HASH,
        rules_hash=rules_hash,
        queue_hash=ZERO_HASH,
        queue_cursor=0,
        head=ZERO_HASH,
        body_bytes=0,
        roots=roots,
    )
