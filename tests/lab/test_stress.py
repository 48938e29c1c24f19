"""`novate stress`: the report, its exit codes, and that a seed decides everything but the seconds."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from node.cli.main import cli
from node.lab.stress.run import usd_text

FIELDS = [
    "inputs", "liquidations", "partial", "takeovers", "backstop", "insurance_start", "insurance_end", "adl", "socialised",
    "deficit_accounts", "conserved", "seconds",
]  # fmt: skip
MINUTES = 150


def stress(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ("stress", *arguments))


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def falling(tmp_path: Path) -> Path:
    """Two and a half hours: calm, then six percent down, without a line of names."""
    rows, price = [], 40_000.0
    for minute in range(MINUTES):
        after = price * (0.9988 if minute >= MINUTES - 60 else 1.0 + (0.0002 if minute % 2 else -0.0002))
        stamp = f"2024-03-01T{minute // 60:02}:{minute % 60:02}:00Z"
        rows.append(f"{stamp},{price:.1f},{max(price, after) + 5:.1f},{min(price, after) - 5:.1f},{after:.1f},1")
        price = float(f"{after:.1f}")
    file = tmp_path / "falling.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_a_fall_liquidates_and_the_report_is_the_seeds(falling: Path, tmp_path: Path) -> None:
    plot = tmp_path / "fall.png"
    first = stress(str(falling), "--accounts", "60", "--seed", "5", "--plot", str(plot), "--json")
    assert first.exit_code == 0, first.stderr
    report = told(first)
    assert list(report) == FIELDS
    assert report["liquidations"] >= 2 * 60 // 10
    assert report["conserved"] is True
    assert report["deficit_accounts"] == 0
    assert report["insurance_start"] == "1000000.000000"
    assert plot.read_bytes().startswith(b"\x89PNG")
    again, other = (told(stress(str(falling), "--accounts", "60", "--seed", seed, "--json")) for seed in ("5", "6"))
    del report["seconds"], again["seconds"], other["seconds"]
    assert again == report
    assert other != report


def test_without_leverage_nothing_is_tried(falling: Path) -> None:
    result = stress(str(falling), "--accounts", "10", "--leverage-max", "1", "--json")
    assert result.exit_code == 1
    assert "nothing was liquidated" in result.stderr
    assert told(result)["liquidations"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give a file of PRICES"),
        (("FILE", "--path", "gap"), "give a file of PRICES"),
        (("absent.csv",), "cannot be read"),
        (("FILE", "--market", "DOGE-PERPETUAL"), "BTC-PERPETUAL"),
        (("FILE", "--leverage-max", "0"), "leverage-max"),
        (("--path", "gap", "--plot", "no/such/directory/file.png"), "not a directory"),
    ],
)
def test_bad_usage_is_2_and_says_why(falling: Path, arguments: tuple[str, ...], says: str) -> None:
    result = stress(*(str(falling) if part == "FILE" else part for part in arguments))
    assert result.exit_code == 2
    assert says in result.stderr


def test_money_is_written_exactly() -> None:
    assert usd_text(-1_500_001) == "-1.500001"
    assert usd_text(2_000_000) == "2.000000"
