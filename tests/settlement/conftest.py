"""Fixtures: a deployed venue on the embedded chain, and where it matters on anvil too, where its package is installed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.l1.nodes import ANVIL, anvil, embedded
from tests.settlement.rig import Venue, deploy_venue

FINALIZED = 40  # Deep, so that reorganisations below the deposit depth are possible.


@pytest.fixture(params=("embedded", "anvil"))
async def any_venue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Venue]:
    """Token and contract on either L1, which mines when told to."""
    if request.param == "anvil":
        if not ANVIL.exists():
            pytest.skip("anvil is not installed (npm ci)")
        async with anvil(FINALIZED) as l1:
            yield await deploy_venue(l1)
    else:
        async with embedded(tmp_path / "l1", FINALIZED) as l1:
            yield await deploy_venue(l1)


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    """The same on the embedded chain alone, for what does not depend on the L1."""
    async with embedded(tmp_path / "l1", FINALIZED) as l1:
        yield await deploy_venue(l1)
