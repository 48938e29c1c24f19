"""`novate snapshot` on the directory of a stopped node."""

import json
from pathlib import Path

from click.testing import CliRunner

from node.cli.snapshot import command
from node.lab.bench.prepared import prepare
from node.lab.bench.venue import Venue
from node.store.snapshot import read_snapshot
from proto.ids import Address
from proto.units import AssetUnits


def run(*arguments: object) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_the_newest_sealed_state_becomes_a_file(tmp_path: Path) -> None:
    venue, file = Venue(), tmp_path / "state.snapshot"
    deposits = [venue.deposit(Address(bytes([number]) * 20), AssetUnits(1_000), number - 1) for number in range(1, 30)]
    prepare(tmp_path / "data", venue, deposits, sealed=True)
    code, found = run(file, "--data-dir", tmp_path / "data")
    assert code == 0
    snapshot = read_snapshot(file, venue.params.digest())
    assert found == {
        "file": str(file), "batch": 1, "last_seq": snapshot.header.last_seq, "state_root": "0x" + snapshot.header.state_root.hex(),
        "bytes": file.stat().st_size,
    }  # fmt: skip
    assert len([row for row in snapshot.rows if row.section == 0]) >= 29
    code, refused = run(file, "--data-dir", tmp_path / "data")
    assert (code, "exists" in str(refused["error"])) == (2, True)
    (tmp_path / "empty").mkdir()
    code, refused = run(tmp_path / "other", "--data-dir", tmp_path / "empty")
    assert (code, "neither a node's data directory nor a watcher's" in str(refused["error"])) == (2, True)
