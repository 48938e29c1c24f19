"""Fixtures: the same test against the embedded chain and against anvil, where its package is installed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.l1.nodes import ANVIL, L1Node, anvil, embedded

KINDS = ("embedded", "anvil")


@pytest.fixture(params=KINDS)
async def l1(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[L1Node]:
    """A node with finalized = head - 2, as on a devnet."""
    async for node in _node(request.param, tmp_path, finalized_distance=2):
        yield node


@pytest.fixture(params=KINDS)
async def deep_l1(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[L1Node]:
    """A node with finalized = head - 80, so that deep reorgs are allowed."""
    async for node in _node(request.param, tmp_path, finalized_distance=80):
        yield node


async def _node(kind: str, tmp_path: Path, finalized_distance: int) -> AsyncIterator[L1Node]:
    if kind == "anvil":
        if not ANVIL.exists():
            pytest.skip("anvil is not installed (npm ci)")
        async with anvil(finalized_distance) as node:
            yield node
    else:
        async with embedded(tmp_path / "l1", finalized_distance) as node:
            yield node
