"""The running writer: order, durability before release, seals, reads, back-pressure, stop, and what outsiders can check."""

import asyncio

from node.core.audit import audit
from node.ops.clock import FakeClock
from node.sequencer.released import ReleasedInput
from node.store.memory import MemoryDisk
from proto.batch import chunks_of, data_hash, decode_body, encode_body, inputs_root
from proto.inputs import SealTick, encode_record
from proto.merkle import list_proof_root
from proto.signing.eip712 import receipt_digest
from proto.signing.secp256k1 import recover as recover_signer
from tests.sequencer.venue import DOMAIN, OPERATOR, Node, Trace


async def drive(node: Node, inputs: int, seed: int, acks: list[ReleasedInput]) -> None:
    """Feed a trace in bursts while time passes, then stop."""
    clock = node.clock
    assert isinstance(clock, FakeClock)
    trace = Trace(seed)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(node.sequencer.run())
        for number in range(inputs):
            item, signer = trace.next(clock.wall_ns() // 1_000_000)
            assert node.sequencer.submit(item, signer, acks.append) is None
            if number % 11 == 0:
                clock.advance(40)
                await asyncio.sleep(0)
        node.sequencer.stop()


async def test_every_input_is_answered_once_in_order(seed: int) -> None:
    node, acks = Node(MemoryDisk()), list[ReleasedInput]()
    await drive(node, 300, seed, acks)
    assert len(acks) == 300
    assert [ack.seq for ack in acks] == sorted(ack.seq for ack in acks)
    assert [released.seq for released in node.log.inputs] == list(range(1, node.sequencer.durable_seq + 1))
    assert {ack.seq for ack in acks} <= {released.seq for released in node.log.inputs}
    assert node.sequencer.sealed.last_seq == node.sequencer.durable_seq
    audit(node.recovered.machine.state)


async def test_batches_hold_their_inputs_and_seal_with_a_tick(seed: int) -> None:
    node = Node(MemoryDisk())
    await drive(node, 300, seed, [])
    previous = node.sequencer.header(0)
    assert previous is not None
    for header in node.log.headers:
        body = node.sequencer.body(header.batch_id)
        records = [record for cycle in body.cycles for record in cycle.records]
        expected = [r for r in node.log.inputs if header.first_seq <= r.seq <= header.last_seq]
        assert records == [encode_record(r.time, r.item) for r in expected]
        assert expected[-1].item == SealTick(header.batch_id)
        assert decode_body(encode_body(body)) == body
        assert header.data_hash == data_hash(chunks_of(encode_body(body)))
        assert header.inputs_root == inputs_root(body.cycles)
        assert (header.prev_state_root, header.first_seq) == (previous.state_root, previous.last_seq + 1)
        assert header.l2_time == expected[-1].time
        assert header.commitment().last_seq == header.last_seq
        previous = header


async def test_receipts_convince_an_outsider(seed: int) -> None:
    node = Node(MemoryDisk())
    await drive(node, 100, seed, [])
    for released in node.log.inputs:
        receipt = node.sequencer.receipt(released.seq)
        assert receipt is not None
        row = receipt.cycle
        root = list_proof_root(encode_record(released.time, released.item), receipt.position, row.size, receipt.siblings)
        assert root == row.root
        digest = receipt_digest(DOMAIN, row.head, row.first_seq, row.size, row.root)
        assert recover_signer(digest, row.signature) == OPERATOR.address
    assert node.sequencer.receipt(node.sequencer.durable_seq + 1) is None
    assert node.sequencer.receipt(0) is None
