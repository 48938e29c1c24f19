"""The block file under damage: a torn tail is cut, anything that was shown is kept whole or refused."""

import os
import random
from pathlib import Path

import pytest

from node.l1.chain.blockfile import (
    KIND_BLOCK,
    BlockFile,
    ChainInUse,
    ChainStorageCorrupt,
    ChainStorageFailed,
    NewRecord,
)

BLOCKS = 12


def record(number: int, payload: bytes | None = None) -> NewRecord:
    """A record with a recognisable hash."""
    parent = max(0, number - 1).to_bytes(32, "big")
    body = bytes([number]) * (50 + 13 * number) if payload is None else payload
    return NewRecord(KIND_BLOCK, number, number.to_bytes(32, "big"), parent, body)


def build(directory: Path) -> list[int]:
    """A file of BLOCKS records; the end offset of each."""
    file = BlockFile(directory)
    file.create(record(0))
    ends = [found.end for found, _ in file.open()]
    ends.extend(file.append([record(number)])[-1].end for number in range(1, BLOCKS))
    file.close()
    return ends


def numbers(directory: Path) -> list[int]:
    """Heights that opening yields."""
    file = BlockFile(directory)
    try:
        return [found.number for found, payload in file.open() if payload == record(found.number).payload]
    finally:
        file.close()


def test_written_records_come_back(tmp_path: Path) -> None:
    build(tmp_path)
    assert numbers(tmp_path) == list(range(BLOCKS))


def test_every_torn_tail_behind_the_witness_is_cut(tmp_path: Path) -> None:
    """A crash in the middle of a write leaves any prefix of the next record."""
    ends = build(tmp_path)
    log, head = tmp_path / "blocks.log", tmp_path / "head.bin"
    shown_log, shown_head = log.read_bytes(), head.read_bytes()
    file = BlockFile(tmp_path)
    list(file.open())
    file.append([record(BLOCKS)])
    file.close()
    longer = log.read_bytes()
    for length in range(ends[-1], len(longer)):
        log.write_bytes(longer[:length])
        head.write_bytes(shown_head)
        assert numbers(tmp_path) == list(range(BLOCKS))
        assert log.read_bytes() == shown_log
    log.write_bytes(longer)
    head.write_bytes(shown_head)
    assert numbers(tmp_path) == list(range(BLOCKS + 1)), "a whole record that was not yet witnessed is kept"


def test_a_shortened_file_is_refused(tmp_path: Path) -> None:
    ends = build(tmp_path)
    log = tmp_path / "blocks.log"
    whole = log.read_bytes()
    for length in (0, 10, ends[3], ends[-2], ends[-1] - 1):
        log.write_bytes(whole[:length])
        with pytest.raises(ChainStorageCorrupt):
            numbers(tmp_path)


def test_every_flipped_byte_is_refused(tmp_path: Path) -> None:
    build(tmp_path)
    log = tmp_path / "blocks.log"
    whole = log.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        log.write_bytes(bytes(damaged))
        with pytest.raises(ChainStorageCorrupt):
            numbers(tmp_path)
    log.write_bytes(whole)
    assert numbers(tmp_path) == list(range(BLOCKS))


def test_one_damaged_witness_slot_is_survived_two_are_refused(tmp_path: Path) -> None:
    build(tmp_path)
    head = tmp_path / "head.bin"
    whole = head.read_bytes()
    for slot in (0, 4096):
        damaged = bytearray(whole)
        damaged[slot + 9] ^= 1
        head.write_bytes(bytes(damaged))
        assert numbers(tmp_path) == list(range(BLOCKS))
        head.write_bytes(whole)
    head.write_bytes(bytes(len(whole)))
    with pytest.raises(ChainStorageCorrupt):
        numbers(tmp_path)
    head.unlink()
    with pytest.raises(ChainStorageCorrupt):
        numbers(tmp_path)


def test_an_interrupted_creation_starts_again(tmp_path: Path) -> None:
    (tmp_path / "blocks.new").write_bytes(b"half a genesis")
    file = BlockFile(tmp_path)
    assert file.is_new
    file.create(record(0))
    file.close()  # Before the witness exists.
    assert numbers(tmp_path) == [0]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    file = BlockFile(tmp_path)
    with pytest.raises(ChainInUse):
        BlockFile(tmp_path)
    file.close()
    BlockFile(tmp_path).close()


def test_nothing_is_written_after_a_failed_write(tmp_path: Path) -> None:
    build(tmp_path)
    file = BlockFile(tmp_path)
    list(file.open())
    descriptor = os.open(tmp_path / "blocks.log", os.O_RDONLY)
    os.dup2(descriptor, file._log)  # From here on every write to it fails.
    os.close(descriptor)
    for _ in range(2):
        with pytest.raises(ChainStorageFailed):
            file.append([record(BLOCKS)])
    file.close()
    assert numbers(tmp_path) == list(range(BLOCKS))


def test_random_damage_is_never_silent(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    build(tmp_path)
    log = tmp_path / "blocks.log"
    whole = log.read_bytes()
    for _ in range(200):
        damaged = bytearray(whole)
        start = chance.randrange(len(damaged))
        length = chance.randrange(1, 600)
        damaged[start : start + length] = bytes(len(damaged[start : start + length]))
        log.write_bytes(bytes(damaged))
        if bytes(damaged) == whole:
            continue
        with pytest.raises(ChainStorageCorrupt):
            numbers(tmp_path)
