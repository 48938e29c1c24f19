"""`novate watch`: verify every batch from L1 alone, and with a key vouch for it."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from node.cli.connect import address_of
from node.cli.key import read_password
from node.cli.output import fail, json_option, print_json, say
from node.cli.running import run_until_stopped
from node.cli.watching import Teller, tell_verdict
from node.config.genesis import find_genesis, load_genesis
from node.config.reading import ConfigError
from node.core.params import Params
from node.l1.answers import L1Error
from node.l1.deployment import check_deployment, genesis_facts
from node.ops.keystore import KeystoreError, development_keys, load_key
from node.ops.metrics import Metrics
from node.store.errors import StoreError
from node.store.signed import SignedHeights
from node.watcher.door import Door
from node.watcher.gauges import WatcherGauges
from node.watcher.receipts import ReceiptCheck, ReceiptInvalid, check_receipt, read_receipt
from node.watcher.report import Verdict, WatchReport
from node.watcher.settings import WatcherSettings
from node.watcher.validator import Validator
from node.watcher.watch import open_client, watch
from proto.signing.eip712 import Domain
from proto.signing.secp256k1 import SigningKey


@click.command("watch")
@click.option("--l1", "rpc", required=True, help="JSON-RPC address of an L1 node that you trust.")
@click.option("--l1-compare", default="", help="JSON-RPC address of a second L1 node: only what both say is believed.")
@click.option("--contract", required=True, help="Address of the Novate contract.")
@click.option("--genesis", default="devnet", show_default=True, help="Genesis file, or the name of a shipped network.")
@click.option("--once", is_flag=True, help="Verify what L1 has now, then report.")
@click.option(
    "--start-block", type=click.IntRange(0), default=0, show_default=True, help="Block of the contract's deployment."
)
@click.option(
    "--depth-blocks",
    type=click.IntRange(0),
    default=0,
    help="Depth from which L1 is believed; 0: what it calls finalized.",
)
@click.option(
    "--poll-ms", type=click.IntRange(10, 60_000), default=500, show_default=True, help="How often L1 is asked."
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False),
    help="Keep verified state here between runs, and what the key has signed.",
)  # fmt: skip
@click.option(
    "--snapshot", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Begin at this state (`novate snapshot`) instead of genesis, once its root is that of a final batch on L1.",
)  # fmt: skip
@click.option(
    "--status-file", type=click.Path(path_type=Path, dir_okay=False), help="Write how far it is to this file, as JSON."
)
@click.option(
    "--evidence-dir", type=click.Path(path_type=Path, file_okay=False),
    help="Write a finding here, as JSON. Default: --data-dir, where there is one.",
)  # fmt: skip
@click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False),
    help="Be a validator: sign every batch that is right with this key of the keystore. Needs --data-dir.",
)  # fmt: skip
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--development-key", type=click.IntRange(0, 999), help="Instead: a key of the public mnemonic.")
@click.option("--moved", is_flag=True, help="The data directory was moved here, and no copy of it is in use elsewhere.")
@click.option(
    "--receipt", "receipts", multiple=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A receipt (`novate inspect --save-receipts`): check that L1 has what it promises, and write a proof where not. Repeatable.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address for --port.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Serve metrics, health and attestations over HTTP; 0: any free port."
)
@json_option
def command(
    *,
    rpc: str,
    l1_compare: str,
    contract: str,
    genesis: str,
    once: bool,
    start_block: int,
    depth_blocks: int,
    poll_ms: int,
    data_dir: Path | None,
    snapshot: Path | None,
    status_file: Path | None,
    evidence_dir: Path | None,
    key_file: Path | None,
    password_file: Path | None,
    development_key: int | None,
    moved: bool,
    receipts: tuple[Path, ...],
    host: str,
    port: int | None,
    as_json: bool,
) -> None:
    """Re-execute every batch from L1 data alone and compare everything that was committed.

    Exit code 0: agrees, 1: disagrees (naming the first differing input and field), 2: could not tell.
    """
    try:
        params = load_genesis(find_genesis(genesis))
        settings = WatcherSettings(
            url=rpc,
            compare_url=l1_compare,
            contract=address_of(contract),
            start_block=start_block,
            depth_blocks=depth_blocks,
            poll_ms=poll_ms,
            data_dir=data_dir,
            snapshot=snapshot,
            evidence_dir=evidence_dir or data_dir,
        )
        key = _key(params, key_file, password_file, development_key)
        if key is not None and data_dir is None:
            raise click.UsageError("a validator needs --data-dir: what its key has signed must outlive the process")
        place = None if port is None else _Address(host, port)
        run = _Run(settings, params, key, status_file, place, receipts, once=once, moved=moved)
        report = run.report()
    except (ConfigError, KeystoreError, StoreError, L1Error, ReceiptInvalid, ValueError, OSError) as error:
        fail(str(error))
    promises = run.promises()
    if as_json:
        print_json(report.to_json() | promises)
    else:
        tell_verdict(report)
        for name, seqs in promises.get("receipts", {}).items():
            click.echo(f"receipts {name}: {', '.join(map(str, seqs)) or 'none'}")
    sys.exit(Verdict.DISAGREES.value if run.is_promise_broken else report.verdict.value)


def _key(
    params: Params, key_file: Path | None, password_file: Path | None, development_key: int | None
) -> SigningKey | None:
    if key_file is not None and development_key is not None:
        raise click.UsageError("give --key-file or --development-key, not both")
    if key_file is not None:
        return load_key(key_file, read_password(password_file, confirm=False))
    if development_key is not None:
        return development_keys(params.chain_id, development_key + 1)[development_key]
    return None


@dataclass(frozen=True, slots=True)
class _Address:
    """Where to serve."""

    host: str
    port: int


class _Run:
    """One watch that a signal may end early; then the report says how far it agreed."""

    def __init__(
        self,
        settings: WatcherSettings,
        params: Params,
        key: SigningKey | None,
        status_file: Path | None,
        address: _Address | None,
        receipts: tuple[Path, ...],
        *,
        once: bool,
        moved: bool,
    ) -> None:
        metrics = Metrics(process=True)
        self._settings = settings
        self._params = params
        self._key = key
        self._moved = moved
        self._teller = Teller(status_file, WatcherGauges(metrics))
        self._door = Door(metrics, self._teller.alarm)
        self._address = address
        self._receipts = [read_receipt(path) for path in receipts]
        self._check: ReceiptCheck | None = None
        self._once = once
        self._report: WatchReport | None = None
        self._started_s = time.monotonic()

    def report(self) -> WatchReport:
        """Run to the end or the signal."""
        run_until_stopped(self._program)
        if self._report is not None:
            return self._report
        teller, seconds = self._teller, time.monotonic() - self._started_s
        verdict = Verdict.AGREES if teller.batch else Verdict.UNKNOWN
        return WatchReport(
            verdict, teller.batch, teller.last_seq, bytes(32), teller.last_seq, seconds, None, "stopped", teller.attested_batch
        )

    @property
    def is_promise_broken(self) -> bool:
        """Whether a receipt proves something against the operator."""
        return self._check is not None and bool(self._check.proofs)

    def promises(self) -> dict[str, Any]:
        """What became of the receipts, where there were any."""
        check = self._check
        if check is None:
            return {}
        broken = [proof["receipt" if proof["kind"] == "omission" else "a"]["seq"] for proof in check.proofs]
        return {"receipts": {"kept": check.kept, "broken": broken, "waiting": check.waiting}}

    async def _check_receipts(self) -> ReceiptCheck | None:
        """Refuse receipts that prove nothing; what two of them prove is written down at once. Raises ReceiptInvalid, L1Error kinds."""
        if not self._receipts:
            return None
        params, contract = self._params, self._settings.contract
        async with open_client(self._settings) as client:
            deployment = await check_deployment(client, contract, genesis_facts(params))
        for receipt in self._receipts:
            check_receipt(receipt, Domain(params.chain_id, contract), deployment.operator)
        return ReceiptCheck(self._receipts)

    def _keep_proofs(self) -> None:
        directory = self._settings.evidence_dir or Path()
        for number, proof in enumerate(self._check.proofs if self._check is not None else (), 1):
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / f"proof-{proof['kind']}-{number}.json"
            path.write_text(json.dumps(proof, indent=2) + "\n", encoding="utf-8")
            say(f"ALARM: {proof['kind']} proved; the proof is in {path}")

    async def _program(self, stop: asyncio.Event) -> None:
        async def watched() -> None:
            make = None if self._key is None else self._validator
            check = self._check = await self._check_receipts()
            inspect = None if check is None else check.batch
            self._report = await watch(
                self._settings, self._params, self._teller, once=self._once, make_validator=make, inspect=inspect
            )
            self._keep_proofs()
            stop.set()

        async with self._serving(), asyncio.TaskGroup() as group:
            task = group.create_task(watched())
            await stop.wait()
            task.cancel()

    def _validator(self, domain: Domain) -> Validator:
        assert self._key is not None, "asked with a key only"
        assert self._settings.data_dir is not None, "checked with the options"
        heights = SignedHeights(self._settings.data_dir, self._key.address, domain, moved=self._moved)
        validator = self._door.validator = Validator(self._key, domain, heights)
        say(f"validator 0x{validator.address.hex()}, newest batch signed {validator.newest}")
        return validator

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        if self._address is None:
            yield
            return
        host = self._address.host
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                self._door.serve(host, self._address.port, lambda port: say(f"serving on http://{host}:{port}"))
            )
            yield
            serving.cancel()
