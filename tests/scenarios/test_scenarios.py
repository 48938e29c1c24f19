"""The scenario tables: what each rule does at its edges, and that no refusal of the core is without an example."""

import re
from pathlib import Path

import pytest

from proto.reject import RejectCode
from tests.core.venue import full_root, portrait, replay
from tests.scenarios.language import Script

ROOT = Path(__file__).parents[2]
TABLES = sorted(Path(__file__).parent.glob("*.txt"))


def scenarios() -> dict[str, list[tuple[int, str]]]:
    """Lines of every scenario, with their numbers, by `table: name`."""
    found: dict[str, list[tuple[int, str]]] = {}
    for table in TABLES:
        lines: list[tuple[int, str]] = []
        for number, line in enumerate(table.read_text().splitlines(), 1):
            if line.startswith("## "):
                name = f"{table.stem}: {line[3:].strip()}"
                assert name not in found, f"{name} is there twice"
                lines = found[name] = []
            elif line.strip() and not line.startswith("#"):
                lines.append((number, line))
    return found


SCENARIOS = scenarios()


def run(name: str) -> Script:
    """Run one scenario to its end."""
    script = Script()
    for number, line in SCENARIOS[name]:
        try:
            script.line(line)
        except AssertionError as error:
            raise AssertionError(f"{name}, line {number}: {line.strip()}: {error}") from error
    return script


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    script = run(name)
    venue = script.venue
    root = venue.seal().state_root()
    assert portrait(venue.restored()) == portrait(venue.state), "a restart would change something"
    if not script.touched_by_hand:
        assert full_root(replay(venue.params, venue.journal)) == root


def codes_in_core() -> list[str]:
    """Names of all refusals that the core's code mentions."""
    texts = [path.read_text() for path in sorted((ROOT / "node" / "core").rglob("*.py"))]
    return sorted({name for text in texts for name in re.findall(r"RejectCode\.([A-Z_]+)", text)})


def test_every_refusal_of_the_core_has_a_scenario() -> None:
    met = {code.name for name in SCENARIOS for code in run(name).refusals}
    assert [name for name in codes_in_core() if name not in met] == []
    assert all(RejectCode[name] for name in met)
