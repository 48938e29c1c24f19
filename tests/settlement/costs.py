"""What settling an order costs on L1, measured: prints the tables of docs/SETTLEMENT_COSTS.md.

.venv/bin/python -m tests.settlement.costs

Bytes come from real records in a real body, gas from the real contract on the EVM. Prices and limits of mainnet are stated assumptions.
"""

import random
import sys
from collections.abc import Callable
from typing import Final

from node.l1.transactions import floor_gas
from node.l1.vault import post_data_call
from node.settlement.build import commit_args
from proto.batch import Body, Cycle, chunks_of, data_hash, encode_body
from proto.hashing import ZERO_HASH
from proto.ids import Address, MarketId, OrderId, Seq
from proto.inputs import SIGNATURE_BYTES, Dialect, FundingTick, Input, SampleTick, SealTick, UserAction, encode_record
from proto.intents import (
    AmendOrder,
    CancelByClientId,
    CancelOrder,
    Intent,
    OrderSpec,
    OrderType,
    PlaceOrder,
    PlaceOrders,
    SelfTrade,
    Side,
    TimeInForce,
    encode_intent,
)
from proto.units import Lots, Price, TimeMs
from tests.l1.contracts.rig import OPERATOR, Venue, new_venue

BEGIN, END = "<!-- cost tables -->", "<!-- end of cost tables -->"
BLOCK_GAS: Final = 60_000_000
BLOCK_S: Final = 12
GAS_PRICE_GWEI: Final = 1
ETHER_USD: Final = 3_000
BLOB_BYTES: Final = 131_072
BLOB_PAYLOAD: Final = 126_976  # 31 of 32 bytes of each field element.
BLOBS: Final = (6, 14)  # Targets per block: since Pectra, and after the second blob-only fork that followed Fusaka.
BLOB_POST_GAS: Final = 50_572  # Measured for a blob-carrying post in the feasibility prototype.
BLOB_FEE_DIVISOR: Final = 16  # EIP-7918: a unit of blob gas costs at least 2^13 / 2^17 of the base fee.
ORDERS: Final = 2_000
NOW_MS: Final = 1_750_000_000_000
_noise = random.Random()


def signed(intent: Intent) -> UserAction:
    """With a signature of noise: its bytes cost what real ones cost."""
    return UserAction(Dialect.NATIVE, encode_intent(intent), _noise.randbytes(SIGNATURE_BYTES - 1) + b"\x1b", intent)


def head() -> tuple[Address, int, TimeMs]:
    """A trader with a nonce of the time, without expiry."""
    return Address(_noise.randbytes(20)), NOW_MS + _noise.randrange(10**6), TimeMs(0)


def spec(client_id: int = 0) -> OrderSpec:
    """An ordinary limit order in BTC."""
    price, size = Price(_noise.randrange(590_000, 610_000) * 10), Lots(_noise.randrange(100, 200_000))
    side = Side(_noise.randrange(2))
    reduce_only = False
    return OrderSpec(
        MarketId(1), side, OrderType.LIMIT, TimeInForce.GTC, price, size, reduce_only, client_id, SelfTrade.EXPIRE_MAKER
    )


def batch_of(count: int) -> PlaceOrders:
    """One signature for many orders."""
    return PlaceOrders(*head(), tuple(spec() for _ in range(count)))


Maker = Callable[[], Intent]
KINDS: Final[dict[str, tuple[int, Maker]]] = {
    "one order": (1, lambda: PlaceOrder(*head(), spec())),
    "one order with a 128-bit client id": (1, lambda: PlaceOrder(*head(), spec(_noise.getrandbits(128)))),
    "cancel by order id": (1, lambda: CancelOrder(*head(), OrderId(_noise.getrandbits(30)))),
    "cancel by client id": (1, lambda: CancelByClientId(*head(), _noise.getrandbits(128))),
    "amend": (1, lambda: AmendOrder(*head(), OrderId(_noise.getrandbits(30)), 0, Price(6_001_230), Lots(70_000))),
    "order in a signed batch of 10": (10, lambda: batch_of(10)),
    "order in a signed batch of 50": (50, lambda: batch_of(50)),
}


def body_of(maker: Maker, orders_each: int) -> bytes:
    """A batch of so many orders, in cycles of 64 inputs, with the ticks of its second."""
    inputs: list[Input] = [signed(maker()) for _ in range(ORDERS // orders_each)]
    inputs += [SampleTick(), FundingTick(), SealTick(100_000)]
    records = [encode_record(TimeMs(NOW_MS + number), item) for number, item in enumerate(inputs)]
    cycles = tuple(Cycle(Seq(10**6 + at), tuple(records[at : at + 64])) for at in range(0, len(records), 64))
    return encode_body(Body(1, Seq(10**6), cycles))


def settle(data: bytes) -> tuple[int, int]:
    """Gas of posting a body, and of the commitment to it, on the contract."""
    venue: Venue = new_venue()
    chunks = chunks_of(data)
    posted = 0
    for index, chunk in enumerate(chunks):
        posted += venue.novate.send_raw(OPERATOR.address, post_data_call(1, index, chunk)).gas_used
    sealed = venue.seal(data_hash=data_hash(chunks), queue_hash=ZERO_HASH)
    args = commit_args(sealed.commitment, sealed.signature, sealed.roots)
    return posted, venue.novate.send(OPERATOR.address, "commit", *args).gas_used


def tables() -> str:
    """All of them in Markdown."""
    _noise.seed(1)
    lines = [
        "| order | bytes | zero bytes | data gas | all gas | per second, calldata | "
        + " | ".join(f"per second, {blobs} blobs" for blobs in BLOBS)
        + " | USD, calldata | USD, blobs |",
        "|---|---:|---:|---:|---:|---:|" + "---:|" * len(BLOBS) + "---:|---:|",
    ]
    for name, (each, maker) in KINDS.items():
        lines.append(_row(name, body_of(maker, each)))
    empty = encode_body(Body(1, Seq(1), (Cycle(Seq(1), (encode_record(TimeMs(NOW_MS), SealTick(1)),)),)))
    posted, committed = settle(empty)
    lines += ["", f"A batch with nothing but its seal: {posted:,} gas for {len(empty)} bytes of data, {committed:,} gas to commit."]
    return "\n".join(lines)


def _row(name: str, data: bytes) -> str:
    posted, committed = settle(data)
    size = len(data) / ORDERS
    gas, data_gas = (posted + committed) / ORDERS, floor_gas(data) / ORDERS
    calldata_rate = BLOCK_GAS / BLOCK_S / gas
    blob_rates = [blobs * BLOB_PAYLOAD / BLOCK_S / size for blobs in BLOBS]
    usd_per_gas = GAS_PRICE_GWEI * 1e-9 * ETHER_USD
    blobs_each = size / BLOB_PAYLOAD
    blob_usd = blobs_each * (BLOB_BYTES / BLOB_FEE_DIVISOR + BLOB_POST_GAS) * usd_per_gas + committed / ORDERS * usd_per_gas
    cells = [
        f"{size:.1f}", f"{100 * data.count(0) / len(data):.0f} %", f"{data_gas:,.0f}", f"{gas:,.0f}", f"{calldata_rate:,.0f}",
        *(f"{rate:,.0f}" for rate in blob_rates), f"{gas * usd_per_gas:.4f}", f"{blob_usd:.4f}",
    ]  # fmt: skip
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(f"{BEGIN}\n{tables()}\n{END}\n")
