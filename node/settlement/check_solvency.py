"""Checking a statement of solvency from outside: nothing of the node's answer is taken that L1 or a hash does not confirm."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from node.core.commit.liabilities import HolderKind, holder_content
from proto.ids import Address
from proto.ledger import Roots
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SignatureError, recover
from proto.solvency import AssetStatement, Statement, differing_assets, uncovered_assets
from proto.sum_tree import SumNode, Sums, sum_leaf, sum_proof_root


class Finding(NamedTuple):
    """One thing that does not hold."""

    what: str
    detail: str


class Holding(NamedTuple):
    """An asset at the contract: ever received, ever paid (ledger units), and what it really holds (ledger units, rounded down)."""

    asset: int
    received: int
    paid: int
    balance: int


class OwnLeaf(NamedTuple):
    """A holder's own part, as proved."""

    asset: int
    sums: Sums


def statement_of(answer: Mapping[str, Any]) -> Statement:
    """The statement in an answer of the node."""
    assets = tuple(AssetStatement(node_of(row), row["count"]) for row in answer["assets"])
    return Statement(answer["batch"], answer["state_root"], assets)


def node_of(row: Mapping[str, Any]) -> SumNode:
    """A node of a tree as the wire has it."""
    return SumNode(row["hash"], Sums(int(row["owed"]), int(row["owing"]), int(row["entries"])))


def check_statement(
    answer: Mapping[str, Any], root_on_l1: bytes, holdings: Sequence[Holding], operator: Address, domain: Domain
) -> tuple[Finding, ...]:
    """What does not hold of a statement, given the batch's root and the escrow on L1."""
    statement, system = statement_of(answer), answer["system"]
    found: list[Finding] = []
    opened = Roots(tuple(answer["sections"]), system).state_root()
    if not opened == statement.state_root == root_on_l1:
        found.append(Finding("state root", f"the statement opens 0x{opened.hex()}, L1 has 0x{root_on_l1.hex()}"))
    try:
        signer = recover(statement.digest(domain), answer["signature"])
    except SignatureError as error:
        found.append(Finding("signature", str(error)))
    else:
        if signer != operator:
            found.append(Finding("signature", f"by 0x{signer.hex()}, the operator is 0x{operator.hex()}"))
    found.extend(
        Finding("totals", f"asset {asset}: the tree does not add up to the totals of the batch")
        for asset in differing_assets(statement, system)
    )
    found.extend(
        Finding("escrow", f"asset {asset}: more is owed than L1 ever received")
        for asset in uncovered_assets(system, [holding.received for holding in holdings])
    )
    found.extend(
        Finding("escrow", f"asset {h.asset}: the contract holds {h.balance}, its books say {h.received - h.paid}")
        for h in holdings
        if h.balance < h.received - h.paid
    )
    return tuple(found)


def check_proof(
    statement: Statement, proof: Mapping[str, Any], address: Address
) -> tuple[tuple[OwnLeaf, ...], tuple[Finding, ...]]:
    """The account's leaves, and what does not hold of their paths."""
    leaves: list[OwnLeaf] = []
    found: list[Finding] = []
    if proof["batch"] != statement.batch_id:
        found.append(Finding("proof", "it is about another batch; ask again"))
    for row in proof["leaves"]:
        asset, sums = row["asset"], Sums(int(row["owed"]), int(row["owing"]), int(row["entries"]))
        leaf = sum_leaf(holder_content(asset, HolderKind.ACCOUNT, row["account"], address), sums)
        if not 0 <= asset < len(statement.assets):
            found.append(Finding("proof", f"there is no asset {asset}"))
            continue
        stated = statement.assets[asset]
        root = sum_proof_root(leaf, row["index"], stated.count, [node_of(each) for each in row["siblings"]])
        if root != stated.root:
            found.append(Finding("proof", f"asset {asset}: the path does not lead to the stated root"))
        leaves.append(OwnLeaf(asset, sums))
    return tuple(leaves), tuple(found)
