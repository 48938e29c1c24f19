"""Statements of solvency by a real node over a real contract: honest ones hold, and every way of lying is found by who checks."""

from typing import Any

from node.settlement.check_solvency import Holding, check_proof, check_statement, statement_of
from node.store.memory import MemoryDisk
from node.store.store import open_memory
from proto.canonical import unpack
from proto.ids import USDC, Address
from proto.intents import Transfer
from proto.units import AssetUnits, TimeMs
from tests.sequencer.venue import USD
from tests.settlement.rig import ALICE, BOB, OPERATOR, Node, Venue, running

NOBODY = Address(b"\x07" * 20)


async def stated(node: Node) -> dict[str, Any]:
    """The newest statement, once it is about a batch that L1 has."""
    newest = node.settlement.solvency.snapshot()
    assert newest is not None
    node.settlement.solvency.newest = newest
    await node.until(lambda: node.settlement.poster.tip >= newest.header.batch_id)
    answer = node.settlement.solvency.statement()
    assert answer is not None
    return answer


async def holdings_of(venue: Venue) -> list[Holding]:
    """What the contract received, paid and has."""
    vault = venue.vault
    return [Holding(a.id, a.deposited, a.paid, await vault.balance_of(a)) for a in await vault.assets()]


async def with_money(node: Node) -> None:
    """Two holders, one of whom got something from the other."""
    await node.venue.deposit(ALICE, 900 * USD)
    await node.until(lambda: node.cash(ALICE) == 900 * USD)
    intent = Transfer(ALICE.address, node.next_nonce(), TimeMs(0), BOB.address, USDC, AssetUnits(250 * USD))
    node.act(ALICE, intent)
    await node.until(lambda: node.cash(BOB) == 250 * USD)
    sealed = node.sequencer.sealed.batch_id
    await node.until(lambda: node.sequencer.sealed.batch_id > sealed)


async def test_an_honest_statement_holds_for_everybody(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await with_money(node)
        answer = await stated(node)
        root = (await venue.vault.batch(answer["batch"])).state_root
        holdings = await holdings_of(venue)
        assert check_statement(answer, root, holdings, OPERATOR.address, venue.domain) == ()
        statement = statement_of(answer)
        assert statement.assets[0].root.sums.owed == 900 * USD
        for key, amount in ((ALICE, 650 * USD), (BOB, 250 * USD)):
            proof = node.settlement.solvency.proof(key.address)
            assert proof is not None
            leaves, wrong = check_proof(statement, proof, key.address)
            assert (wrong, [(leaf.asset, leaf.sums.owed) for leaf in leaves]) == ((), [(0, amount)])
            assert check_proof(statement, proof, NOBODY)[1] != ()
        nothing = node.settlement.solvency.proof(NOBODY)
        assert nothing == {"batch": answer["batch"], "leaves": []}


async def test_every_lie_is_found(venue: Venue) -> None:
    async with running(venue, MemoryDisk()) as node:
        await with_money(node)
        answer = await stated(node)
        root = (await venue.vault.batch(answer["batch"])).state_root
        holdings = await holdings_of(venue)
        usdc = answer["assets"][0]
        system = bytearray(answer["system"])
        system[-1] ^= 1

        def findings(bent: dict[str, Any], on_l1: bytes = root, holds: list[Holding] | None = None) -> list[str]:
            found = check_statement(answer | bent, on_l1, holds or holdings, OPERATOR.address, venue.domain)
            return [finding.what for finding in found]

        smaller = [usdc | {"owed": usdc["owed"] - 1}, *answer["assets"][1:]]
        assert findings({"assets": smaller}) == ["signature", "totals"]  # Somebody was left out.
        assert "state root" in findings({"system": bytes(system)})
        assert findings({}, bytes(32)) == ["state root"]
        assert findings({"signature": OPERATOR.sign(b"\x01" * 32)}) == ["signature"]
        assert findings({"batch": answer["batch"] + 1}) == ["signature"]
        short = [replaced(holdings[0], received=899 * USD), *holdings[1:]]
        assert findings({}, root, short) == ["escrow"]
        empty = [replaced(holdings[0], balance=899 * USD), *holdings[1:]]
        assert findings({}, root, empty) == ["escrow"]
        proof = node.settlement.solvency.proof(ALICE.address)
        assert proof is not None
        for bent in (
            proof | {"batch": 1},
            proof | {"leaves": [proof["leaves"][0] | {"owed": 1}]},
            proof | {"leaves": [proof["leaves"][0] | {"asset": 9}]},
            proof | {"leaves": [proof["leaves"][0] | {"index": 0 if proof["leaves"][0]["index"] else 1}]},
        ):
            assert check_proof(statement_of(answer), bent, ALICE.address)[1] != ()


def replaced(holding: Holding, **changes: int) -> Holding:
    """The holding with something else."""
    return holding._replace(**changes)


async def test_statements_come_each_period_are_kept_and_go_on_after_a_restart(venue: Venue) -> None:
    disk = MemoryDisk()
    async with running(venue, disk, solvency_period_ms=1_000) as node:
        await with_money(node)
        first = node.settlement.solvency.newest
        await node.until(lambda: node.settlement.solvency.newest is not first)
        last = node.settlement.solvency.newest
        assert last is not None
        assert last.statement.assets[0].root.sums.owed == 900 * USD
        batches = [last.header.batch_id]
    async with running(venue, disk) as node:
        await node.until(lambda: node.settlement.solvency.newest is not None)
        again = node.settlement.solvency.newest
        assert again is not None
        batches.append(again.header.batch_id)
        assert again.statement.assets[0].root.sums.owed == 900 * USD
    kept = open_memory(disk, venue.params.digest()).table("solvency")
    rows = {int.from_bytes(key, "big"): unpack(value) for key, value in kept.scan()}
    assert all(batch in rows for batch in batches)
    assert rows[batches[0]][1:] == [last.statement.trees_hash(), last.signature]
