"""`novate inspect`: the life of one order, from its signed frame to whoever verified its batch."""

import time
from pathlib import Path
from typing import Any

import click

from node.cli.connect import Where, find_url, node_options, talk
from node.cli.output import json_option, print_json
from node.client.amounts import Market, usd_of
from node.client.client import NovateClient
from node.lab.devnet.tally import Watched, read_watched
from node.watcher.receipts import receipt_of_answer, write_receipt
from proto.events import CloseReason
from proto.inputs import Input, UserAction, decode_record
from proto.intents import Side, TimeInForce

INPUTS_SHOWN = 12
"""Of an order that met many takers, the first and the last inputs are shown."""


@click.command("inspect")
@click.argument("order", type=click.IntRange(1, 2**63))
@node_options
@click.option(
    "--save-receipts", type=click.Path(path_type=Path, file_okay=False),
    help="Keep the signed receipts of the order's inputs here, as files: `novate watch --receipt` checks them against L1.",
)  # fmt: skip
@json_option
def command(*, order: int, save_receipts: Path | None, url: str | None, data_dir: Path, as_json: bool) -> None:
    """Show ORDER's life: frame, sequence number, operations, receipt, batch, L1 transaction, verified by."""

    async def ask(client: NovateClient) -> tuple[dict[str, Any], dict[int, dict[str, Any]], Market]:
        life = (await client.query("order_life", order)).value
        life["left_out"] = max(len(life["inputs"]) - INPUTS_SHOWN, 0)
        if life["left_out"]:
            half = INPUTS_SHOWN // 2
            life["inputs"] = life["inputs"][:half] + life["inputs"][-half:]
        receipts = {row["seq"]: (await client.query("receipt", row["seq"])).value for row in life["inputs"]}
        return life, receipts, await client.market(life["order"]["market"])

    life, receipts, market = talk(Where(find_url(url, data_dir), None), ask)
    if save_receipts is not None:
        save_receipts.mkdir(parents=True, exist_ok=True)
        for seq, answer in receipts.items():
            write_receipt(save_receipts / f"receipt-{seq}.json", receipt_of_answer(answer))
    steps = [_input(row, receipts[row["seq"]], life, market) for row in life["inputs"]]
    watched = read_watched(data_dir / "watcher.json")
    shown = [row["batch"] for row in life["inputs"]]
    batches = [_batch(row, watched) for row in life["batches"] if row["id"] in shown]
    if as_json:
        print_json(
            {
                "order": order,
                "market": market.name,
                "inputs": steps,
                "inputs_left_out": life["left_out"],
                "batches": batches,
            }
        )
        return
    click.echo(f"order {order} in {market.name}, account 0x{life['order']['address'].hex()}")
    for step in steps:
        click.echo(f"  seq {step['seq']}  {step['time']}  {step['frame']}")
        for operation in step["operations"]:
            click.echo(f"      {operation}")
        click.echo(
            f"      receipt: cycle of {step['receipt']['count']} from {step['receipt']['first_seq']}, root {step['receipt']['root'][:18]}…"
        )
    for batch in batches:
        click.echo(f"  batch {batch['batch']}: {batch['status']}, state root {batch['state_root'][:18]}…")
        click.echo(f"      L1 transaction {batch['l1_transaction'] or '– not posted yet'}")
        click.echo(
            f"      verified by {', '.join(batch['verified_by']) or '– nobody told this node yet; ask a watcher'}"
        )
    if life["left_out"]:
        click.echo(f"  {life['left_out']} inputs in between are left out; /v1/orders/{order} has them")
    if not batches:
        click.echo("  batch: not sealed yet; ask again in a second")


def _input(row: dict[str, Any], receipt: dict[str, Any], life: dict[str, Any], market: Market) -> dict[str, Any]:
    time_ms, item = decode_record(receipt["record"])
    return {
        "seq": row["seq"],
        "time": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ms // 1_000)) + f".{time_ms % 1_000:03d}Z",
        "frame": _frame(item),
        "batch": row["batch"],
        "operations": _operations(row["seq"], life, market),
        "receipt": {
            "first_seq": receipt["first_seq"],
            "count": receipt["count"],
            "root": "0x" + receipt["root"].hex(),
            "signature": "0x" + receipt["signature"].hex(),
        },
    }


def _frame(item: Input) -> str:
    if not isinstance(item, UserAction):
        return type(item).__name__
    intent = item.intent
    return f"{type(intent).__name__} nonce {intent.nonce}, {len(item.action)} bytes, signature 0x{item.signature.hex()[:16]}…"


def _operations(seq: int, life: dict[str, Any], market: Market) -> list[str]:
    """What the input did to this order, as the operations that opsRoot covers."""
    order = life["order"]
    lines = []
    if order["seq"] == seq:
        side, tif = Side(order["side"]).name.lower(), TimeInForce(order["time_in_force"]).name.lower()
        lines.append(f"ORDER_OPENED {side} {market.size_of(order['size'])} at {market.price_of(order['price'])} {tif}")
    lines.extend(
        f"FILL trade {fill['trade']}: {market.size_of(fill['size'])} at {market.price_of(fill['price'])}, fee {usd_of(int(fill['fee']))}"
        for fill in life["fills"]
        if fill["seq"] == seq
    )
    if order["status"] != 0 and order["last_seq"] == seq:
        lines.append(
            f"ORDER_CLOSED {CloseReason(order['reason']).name.lower()}, {market.size_of(order['remaining'])} left"
        )
    return lines


_STATUSES = ("sealed", "posted", "verified", "final")


def _batch(row: dict[str, Any], watched: Watched) -> dict[str, Any]:
    verified_by = ["0x" + address.hex() for address in row["verified_by"]]
    if 0 < row["id"] <= watched.verified:
        verified_by.append("the devnet's watcher")
    return {
        "batch": row["id"],
        "status": _STATUSES[int(row["status"])],
        "state_root": "0x" + row["state_root"].hex(),
        "l1_transaction": "0x" + row["posted_tx"].hex() if row["posted_tx"] else None,
        "l1_block": row["posted_block"] or None,
        "verified_by": verified_by,
    }
