"""Batch data: the contract hashes what it is sent, in order, from the operator's own transactions only."""

import random

import pytest

from node.l1.abi import Decoded
from node.l1.transactions import created_address
from proto.batch import CHUNK_BYTES_MAX, chunks_of, data_hash
from proto.hashing import ZERO_HASH, keccak
from tests.l1.contracts.rig import ALICE, OPERATOR, Deployed, Machine, Venue, deploy, refused

ME = OPERATOR.address


def test_data_hash_is_that_of_the_protocol(venue: Venue, seed: int) -> None:
    chance = random.Random(seed)
    for batch_id in range(1, 6):
        chunks = tuple(chance.randbytes(chance.randint(1, 300)) for _ in range(chance.randint(1, 8)))
        for index, chunk in enumerate(chunks):
            outcome = venue.novate.send(ME, "postData", batch_id, index, chunk)
            expected = {"batchId": batch_id, "index": index, "poster": ME, "chunkHash": keccak(chunk)}
            assert venue.novate.events(outcome) == [Decoded("DataPosted", expected)]
        assert venue.novate.call("dataOf", batch_id) == (data_hash(chunks), len(chunks))


def test_body_cut_by_the_protocol_fits(venue: Venue) -> None:
    chunks = chunks_of(bytes(range(256)) * 470)
    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES_MAX, 320]
    for index, chunk in enumerate(chunks):
        venue.novate.send(ME, "postData", 1, index, chunk)
    assert venue.novate.call("dataOf", 1) == (data_hash(chunks), 2)


def test_chunk_size_is_bounded(venue: Venue) -> None:
    with refused("ChunkEmpty"):
        venue.novate.send(ME, "postData", 1, 0, b"")
    with refused("ChunkTooLarge", CHUNK_BYTES_MAX + 1):
        venue.novate.send(ME, "postData", 1, 0, bytes(CHUNK_BYTES_MAX + 1))


def test_chunks_come_in_order(venue: Venue) -> None:
    with refused("ChunkIndexWrong", 1, 0):
        venue.novate.send(ME, "postData", 1, 1, b"x")
    venue.novate.send(ME, "postData", 1, 0, b"x")
    with refused("ChunkIndexWrong", 0, 1):
        venue.novate.send(ME, "postData", 1, 0, b"x")


def test_number_of_chunks_is_bounded(venue: Venue) -> None:
    for index in range(64):
        venue.novate.send(ME, "postData", 1, index, b"x")
    with refused("TooManyChunks"):
        venue.novate.send(ME, "postData", 1, 64, b"x")


def test_only_the_operator_posts_and_resets(venue: Venue) -> None:
    with refused("NotOperator", ALICE):
        venue.novate.send(ALICE, "postData", 1, 0, b"x")
    venue.novate.send(ME, "postData", 1, 0, b"mine")
    venue.novate.send(ALICE, "resetData", 1)  # Her own data, of which there is none.
    assert venue.novate.call("dataOf", 1)[1] == 1


def test_data_is_for_batches_ahead(venue: Venue) -> None:
    sealed = venue.advance()
    for batch_id in (0, 1, 1 + 1025, 2**64 - 1):
        with refused("BatchNotAhead", batch_id, 1):
            venue.novate.send(ME, "postData", batch_id, 0, b"x")
        with refused("BatchNotAhead", batch_id, 1):
            venue.novate.send(ME, "resetData", batch_id)
    venue.novate.send(ME, "postData", 1 + 1024, 0, b"x")
    assert venue.novate.call("dataOf", 1) == (data_hash(sealed.chunks), 1), "what was committed stays"


def test_reset_forgets(venue: Venue) -> None:
    venue.novate.send(ME, "postData", 1, 0, b"one")
    venue.novate.send(ME, "postData", 1, 1, b"two")
    venue.novate.send(ME, "postData", 2, 0, b"other")
    outcome = venue.novate.send(ME, "resetData", 1)
    assert venue.novate.events(outcome) == [Decoded("DataReset", {"batchId": 1, "poster": ME, "chunks": 2})]
    assert venue.novate.call("dataOf", 1) == (ZERO_HASH, 0)
    assert venue.novate.call("dataOf", 2) == (data_hash((b"other",)), 1)
    venue.novate.send(ME, "postData", 1, 0, b"three")
    assert venue.novate.call("dataOf", 1) == (data_hash((b"three",)), 1)


def test_data_must_be_the_input_of_a_transaction() -> None:
    """An operator that is a contract could hide the data from who reads transactions."""
    machine = Machine()
    token = Deployed(machine, "TestToken", "Test USD", "USDC", 6)
    relay = Deployed(machine, "TestReceiver", errors_of="Novate")
    novate = deploy(machine, [(0, token.address, 1, 1, 1)], operator=relay.address)
    with refused("NotTopLevelCall"):
        relay.send(ALICE, "forward", novate.address, novate.data("postData", 1, 0, b"x"))


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64])
def test_only_canonical_call_data_is_data(venue: Venue, size: int) -> None:
    chunk = bytes(range(1, size + 1))
    call = venue.novate.data("postData", 1, 0, chunk)
    with refused("CalldataNotCanonical"):
        venue.novate.send_raw(ME, call + b"\x00")
    with refused("CalldataNotCanonical"):
        venue.novate.send_raw(ME, call + bytes(32))
    head, offset, tail = call[: 4 + 64], call[4 + 64 : 4 + 96], call[4 + 96 :]
    assert int.from_bytes(offset, "big") == 96
    with refused("CalldataNotCanonical"):  # The chunk one word further on, something else where readers look.
        venue.novate.send_raw(ME, head + (128).to_bytes(32, "big") + bytes(32) + tail)
    if size % 32:
        unpadded = call[: 4 + 128 + size]
        with refused("CalldataNotCanonical"):
            venue.novate.send_raw(ME, unpadded)
    venue.novate.send_raw(ME, call)
    assert venue.novate.call("dataOf", 1) == (data_hash((chunk,)), 1)


@pytest.mark.parametrize(("offset", "size"), [(64, 64), (0, 1)])
def test_chunk_that_overlaps_the_arguments_is_refused(venue: Venue, offset: int, size: int) -> None:
    """An argument read as the length: the EVM would hash other bytes than a reader of the standard encoding finds."""
    padded = (size + 31) // 32 * 32
    call = venue.novate.data("postData", 1, 0, b"x")[:4] + b"".join(
        value.to_bytes(32, "big") for value in (1, 0, offset)
    )
    with refused("CalldataNotCanonical"):
        venue.novate.send_raw(ME, call.ljust(4 + 4 * 32 + padded, b"\x07"))


def test_contract_under_construction_is_no_top_level_caller() -> None:
    """It has no code yet, and its creator's transaction has another input."""
    machine = Machine()
    token = Deployed(machine, "TestToken", "Test USD", "USDC", 6)
    nonce = machine.world.get(ALICE).nonce
    operator = created_address(ALICE, nonce + 4)  # After the four creations.
    novate = deploy(machine, [(0, token.address, 1, 1, 1)], operator=operator)
    payload = novate.data("postData", 1, 0, b"x")
    size = len(payload).to_bytes(2, "big").hex()
    call_and_revert_with_the_answer = (
        f"61{size}6100356000396000600061{size}6000600073{novate.address.hex()}5af13d600060003e3d6000fd"
    )
    code = bytes.fromhex(call_and_revert_with_the_answer)
    assert len(code) == 0x35
    outcome = machine.run(ALICE, None, code + payload)
    error = novate.interface.decode_error(outcome.output)
    assert error is not None
    assert error.name == "NotTopLevelCall"
