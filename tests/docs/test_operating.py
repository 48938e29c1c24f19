"""OPERATING.md keeps up with the code: log events, refusals to start, commands; the dashboard asks for metrics that exist."""

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from node.cli.main import COMMANDS
from node.config.operator import load_operator
from node.gateway.ports import Backpressure
from node.l1.deployment import Mismatch
from node.views.streams import StreamLimits
from tests.docs.blocks import ROOT, metric_rows, publisher_registry, watcher_registry

TEXT = (ROOT / "docs" / "OPERATING.md").read_text(encoding="utf-8")
BOARD: dict[str, Any] = json.loads((ROOT / "docs" / "operating" / "grafana.json").read_text(encoding="utf-8"))


def _events() -> dict[str, str]:
    """Every event that something in the node logs, and where."""
    found = {}
    for path in sorted((ROOT / "node").rglob("*.py")):
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)):
                continue
            owner, level = item.func.value, item.func.attr
            if isinstance(owner, ast.Name) and owner.id == "_log" and level in ("info", "warning", "error"):
                text = item.args[0]
                assert isinstance(text, ast.Constant)
                found[str(text.value)] = path.name
    return found


def test_every_log_event_says_what_to_do() -> None:
    events = _events()
    assert len(events) > 5
    assert [event for event in events if f"`{event}`" not in TEXT] == []


def test_every_refusal_of_a_deployment_says_what_to_do() -> None:
    assert [item.name for item in Mismatch if item.name not in TEXT or str(item.value) not in TEXT] == []


def test_the_example_settings_are_accepted(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    path = tmp_path / "node.toml"
    path.write_text(example[1], encoding="utf-8")
    settings = load_operator(path, tmp_path)
    assert settings.settlement is not None
    assert settings.settlement.start_block == tomllib.loads(example[1])["settlement"]["start_block"]


def test_commands_that_are_named_exist() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = [_code(path.read_text(encoding="utf-8")) for path in documents]
    named = {
        command
        for text in texts
        for command in re.findall(r"(?:^|`|bin/|&& |: )novate ([a-z][a-z0-9]+)\b", text, re.MULTILINE)
    }
    assert len(named) > 10
    assert named <= set(COMMANDS)


def _code(text: str) -> str:
    """What stands in code spans and code blocks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def test_figures_of_settings_in_prose() -> None:
    assert (Backpressure().slow, Backpressure().stop) == (300, 600)
    assert StreamLimits().ring_bytes == 256 * 2**20
    assert "600 unposted batches (slower from 300)" in TEXT


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    expressions = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", [])]
    asked = {re.sub(r"_bucket$", "", name) for text in expressions for name in re.findall(r"\bnovate_\w+", text)}
    assert asked == {name for name, _, _, _ in metric_rows()}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_alarms_name_metrics_and_labels_that_exist() -> None:
    labels = {name: found for name, _, found, _ in (*metric_rows(), *metric_rows(publisher_registry()), *metric_rows(watcher_registry()))}
    for name in re.findall(r"\bnovate_[a-z0-9_]+", TEXT):
        assert re.sub(r"_bucket$", "", name) in labels, name
    assert labels["novate_gateway_dropped_total"] == "reason"
    assert labels["novate_gateway_refused_total"] == "code"
