"""What `novate watch` and `novate verify` share: settings, progress on stderr, a status file for other programs, the verdict."""

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from node.cli.output import say
from node.watcher.gauges import WatcherGauges
from node.watcher.report import Disagreement, Verdict, WatchReport
from node.watcher.validator import Attestation

_PERIOD_S = 1.0


class Teller:
    """Listens to a watcher: a progress line a second, and the status file whenever something is new."""

    def __init__(self, status_file: Path | None, gauges: WatcherGauges | None = None) -> None:
        self._status_file = status_file
        self._gauges = gauges
        self.attested_batch: int | None = None
        self._told_s = 0.0
        self.batch = 0
        self.last_seq = 0
        self.tip = 0
        self.found: Disagreement | None = None

    def verified(self, batch_id: int, last_seq: int, tip: int) -> None:
        """A batch was found to be right."""
        self.batch, self.last_seq, self.tip = batch_id, last_seq, tip
        if self._gauges is not None:
            self._gauges.verified(batch_id, last_seq, tip)
        self._write()
        now_s = time.monotonic()
        if now_s - self._told_s >= _PERIOD_S:
            self._told_s = now_s
            say(f"agree up to batch {batch_id} of {tip}, seq {last_seq}")

    def trouble(self, reason: str) -> None:
        """L1 is away or contradicts itself."""
        if self._gauges is not None:
            self._gauges.trouble(reason)
        say(f"trouble: {reason}")

    def attested(self, attestation: Attestation) -> None:
        """A batch was signed."""
        self.attested_batch = attestation.batch_id
        if self._gauges is not None:
            self._gauges.attested(attestation)

    def withheld(self, reason: str) -> None:
        """A batch that is right was not signed."""
        if self._gauges is not None:
            self._gauges.withheld(reason)
        say(f"ALARM: attestation withheld: {reason}")

    def noted(self, text: str) -> None:
        """Something to know."""
        say(text)

    def alarm(self) -> str | None:
        """For health."""
        return None if self.found is None else str(self.found)

    def disagreed(self, found: Disagreement) -> None:
        """The alarm."""
        self.found = found
        if self._gauges is not None:
            self._gauges.disagreed(found)
        self._write()
        say(f"ALARM: {found}")

    def _write(self) -> None:
        if self._status_file is None:
            return
        status: dict[str, Any] = {
            "batch": self.batch,
            "last_seq": self.last_seq,
            "tip": self.tip,
            "agrees": self.found is None,
        }
        if self.attested_batch is not None:
            status["attested"] = self.attested_batch
        if self.found is not None:
            status["disagreement"] = str(self.found)
        fresh = self._status_file.with_suffix(".new")
        fresh.write_text(json.dumps(status) + "\n", encoding="utf-8")
        os.replace(fresh, self._status_file)


def tell_verdict(report: WatchReport) -> None:
    """The end, for people."""
    root = report.state_root.hex()
    match report.verdict:
        case Verdict.AGREES:
            speed = int(report.inputs_per_second)
            click.echo(
                f"agrees: {report.batch_id} batches, {report.last_seq} inputs, state root 0x{root}, {speed} inputs/s"
            )
        case Verdict.DISAGREES:
            click.echo(f"DISAGREES: {report.disagreement}")
        case Verdict.UNKNOWN:
            click.echo(f"could not tell: {report.reason}")
