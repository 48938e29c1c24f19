"""The queue as L1's events tell it: deposits and forced actions in one chain of hashes, kept over a restart."""

import random

import pytest

from node.l1.answers import L1Lied
from node.l1.vault import ActionQueued, DepositQueued
from node.watcher.facts import QueueFacts, QueueItem
from node.watcher.kept import _items, _pack_items
from proto.batch import action_item_hash, deposit_item_hash, next_queue_hash
from proto.hashing import ZERO_HASH, keccak
from proto.ids import Address, AssetId
from proto.units import AssetUnits

OWNER = Address(keccak(b"owner")[12:])


def queue(seed: int, count: int) -> list[QueueItem]:
    """Items as the contract would log them."""
    random_, items, acc = random.Random(seed), list[QueueItem](), ZERO_HASH
    for index in range(count):
        if random_.random() < 0.5:
            payload = random_.randbytes(random_.choice([0, 1, 4_096]))
            acc = next_queue_hash(acc, action_item_hash(index, OWNER, payload))
            items.append(ActionQueued(index, OWNER, payload, 7 * index, acc))
        else:
            amount = AssetUnits(random_.randrange(1, 2**63))
            acc = next_queue_hash(acc, deposit_item_hash(index, OWNER, 1, amount))
            items.append(DepositQueued(index, OWNER, AssetId(1), amount, 7 * index, acc))
    return items


def test_both_kinds_follow_each_other_and_only_deposits_count(seed: int) -> None:
    facts, items = QueueFacts(2), queue(seed, 40)
    for item in items:
        facts.append(item)
    assert facts.length == 40
    assert facts.find(39) == items[39]
    facts.consume(25)
    deposits = [item.amount for item in items[:25] if isinstance(item, DepositQueued)]
    assert facts.consumed == [0, sum(deposits)]
    assert facts.waiting() == items[25:]


def test_items_survive_a_restart(seed: int) -> None:
    facts = QueueFacts(2)
    for item in queue(seed, 30):
        facts.append(item)
    assert _items(_pack_items(facts)) == facts.waiting()


def test_an_action_that_does_not_lead_to_the_queue_hash_is_a_lie() -> None:
    facts = QueueFacts(2)
    acc = next_queue_hash(ZERO_HASH, action_item_hash(0, OWNER, b"one"))
    with pytest.raises(L1Lied, match="queue hash"):
        facts.append(ActionQueued(0, OWNER, b"two", 0, acc))
    with pytest.raises(L1Lied, match="comes where"):
        facts.append(ActionQueued(1, OWNER, b"one", 0, acc))
