"""The documents say what the code says, and name what exists."""

import re
from pathlib import Path

import pytest

from tests.docs import blocks

DOCUMENTS = blocks.documents()
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:docs|node|proto|tests|config|scripts)/[\w./*{},|<>…-]+)`")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_are_what_the_code_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, content in blocks.blocks_in(text).items():
        assert content == blocks.BLOCKS[name](), f"run: .venv/bin/python -m tests.docs.blocks ({path.name}, {name})"
    assert text == blocks.renewed(text), f"run: .venv/bin/python -m tests.docs.blocks ({path.name}, a program)"


def test_every_block_is_in_a_document() -> None:
    found = {name for path in DOCUMENTS for name in blocks.blocks_in(path.read_text(encoding="utf-8"))}
    assert found == set(blocks.BLOCKS)


def test_renewing_changes_a_wrong_block() -> None:
    wrong = "before\n<!-- from the code: addresses -->\nnothing\n<!-- end -->\nafter"
    assert (
        blocks.renewed(wrong) == f"before\n<!-- from the code: addresses -->\n{blocks.addresses()}\n<!-- end -->\nafter"
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in _LINK.findall(text):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"
    for target in _PATH.findall(text):
        if not re.search(r"[*{<…|]", target):
            assert (blocks.ROOT / target).exists(), f"{path.name} names {target}"
