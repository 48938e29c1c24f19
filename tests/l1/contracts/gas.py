"""What each call of the settlement contract costs, measured: prints the table of docs/CONTRACT.md.

.venv/bin/python -m tests.l1.contracts.gas
"""

import random
import sys

from proto.batch import CHUNK_BYTES_MAX
from proto.ids import Address
from tests.l1.contracts.rig import (
    ALICE,
    BOB,
    ETH,
    OPERATOR,
    USDC,
    Payout,
    Venue,
    new_venue,
)
from tests.l1.contracts.test_ladder import PERIODS, VALIDATORS, attest, watched_venue

BEGIN, END = "<!-- gas table -->", "<!-- end of gas table -->"
Row = tuple[str, int, str]
"""What was called, gas, remark."""


def deposits() -> list[Row]:
    """Deployment, deposits, and the commitment that takes them in."""
    venue = new_venue()
    rows: list[Row] = [("deploy `Novate`", venue.novate.deploy_gas, "two assets")]
    rows.append(("`deposit`, the very first", venue.deposit(USDC, 10**9).gas_used, "ERC-20, OpenZeppelin's"))
    rows.append(("`deposit`", venue.deposit(USDC, 10**9).gas_used, ""))
    rows.append(("`depositETH`, the very first", venue.deposit(ETH, 10**9).gas_used, ""))
    rows.append(("`depositETH`", venue.deposit(ETH, 10**9).gas_used, ""))
    venue.novate.send(ALICE, "forceAction", bytes(200))
    rows.append(("`forceAction`, 200 bytes", venue.novate.send(ALICE, "forceAction", b"\x01" * 200).gas_used, ""))
    rows.append(("`forceAction`, 4,096 bytes", venue.novate.send(ALICE, "forceAction", b"\x01" * 4_096).gas_used, ""))
    sealed = venue.seal()
    venue.post_data(sealed)
    rows.append(("`commit`", venue.commit(sealed).gas_used, "two assets"))
    return rows


def data() -> list[Row]:
    """Chunks of noise, which has few zero bytes."""
    noise = random.Random(1)
    rows: list[Row] = []
    for size in (1_000, 10_000, CHUNK_BYTES_MAX):
        for index, which in enumerate(("first chunk", "later chunk")):
            venue = new_venue()
            for before in range(index):
                venue.novate.send(OPERATOR.address, "postData", 1, before, b"x")
            used = venue.novate.send(OPERATOR.address, "postData", 1, index, noise.randbytes(size)).gas_used
            rows.append((f"`postData`, {which}, {size:,} bytes", used, f"{used / size:.1f} per byte"))
    venue = new_venue()
    venue.novate.send(OPERATOR.address, "postData", 2, 0, b"x")
    rows.append(("`resetData`", venue.novate.send(OPERATOR.address, "resetData", 2).gas_used, "after refund"))
    return rows


def ends() -> list[Row]:
    """What is rare: attesting, reverting, freezing."""
    venue = watched_venue(PERIODS)
    venue.novate.send(ALICE, "forceAction", b"x")
    for _ in range(2):
        sealed = venue.seal({"queueCursor": 0, "queueHash": bytes(32)}, queue_cursor=0, queue_hash=bytes(32))
        venue.post_data(sealed)
        venue.commit(sealed)
    rows = [("`attest`, two validators of three", attest(venue, 1, *VALIDATORS[:2]).gas_used, "reaches the threshold")]
    venue.machine.now_s += PERIODS.attestation_window
    rows.append(("`revertBatch`", venue.novate.send(BOB, "revertBatch", 2).gas_used, "any number of batches"))
    venue.machine.now_s += PERIODS.freeze_after
    rows.append(("`freeze`", venue.novate.send(BOB, "freeze").gas_used, ""))
    return rows


def _claim(venue: Venue, args: tuple[object, ...]) -> int:
    return venue.novate.send(ALICE, "withdraw", *args).gas_used


def withdrawals(count: int) -> list[Row]:
    """Claims from a tree of `count` withdrawals: the usual one and the dearest."""
    noise = random.Random(2)
    venue = new_venue()
    venue.deposit(USDC, 10**12)
    venue.deposit(ETH, 10**12)
    strangers = [Address(noise.randbytes(20)) for _ in range(count)]
    venue.payouts = [
        Payout(noise.getrandbits(20), BOB if at in (1, 2, 3) else stranger, at % 2, noise.getrandbits(24))
        for at, stranger in enumerate(strangers)
    ]
    sealed = venue.advance()
    venue.finalize()
    venue.usdc.send(ALICE, "mint", BOB, 1)
    claims = {at: _claim(venue, sealed.withdraw_args(at)) for at in (0, 1, 2, 3, 4, 512, 1023)}
    tree = f"tree of {count:,}"
    return [
        (f"`withdraw` of a token, {tree}", claims[2], "to an address that holds the token"),
        (f"`withdraw` of a token, {tree}", claims[4], "to a new holder"),
        (f"`withdraw` of a token, {tree}", claims[512], "to a new holder, first of 256 indices"),
        (f"`withdraw` of ETH, {tree}", claims[3], "to an address in use"),
        (f"`withdraw` of ETH, {tree}", claims[1023], "to a new address, first of 256 indices"),
    ]


def table() -> str:
    """The table in Markdown."""
    rows = [*deposits(), *data(), *ends(), *withdrawals(1_024), *withdrawals(65_536)]
    lines = ["| call | gas | remark |", "|---|---:|---|"]
    lines += [f"| {name} | {gas:,} | {remark} |" for name, gas, remark in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{BEGIN}\n{table()}\n{END}\n")
