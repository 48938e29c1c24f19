"""The costs that the documents state are measured anew."""

from pathlib import Path

from tests.settlement.costs import BEGIN, END, tables

PAGE = Path(__file__).parents[2] / "docs" / "SETTLEMENT_COSTS.md"


def test_the_tables_are_what_is_measured() -> None:
    text = PAGE.read_text(encoding="utf-8")
    stated = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    assert stated == tables(), "run: .venv/bin/python -m tests.settlement.costs, and put its output into docs/SETTLEMENT_COSTS.md"
