"""Fixtures: a deployed venue on the embedded chain."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.l1.nodes import embedded
from tests.settlement.rig import Venue, deploy_venue


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    """Token and contract on an L1 that mines when told to."""
    async with embedded(tmp_path / "l1", 2) as l1:
        yield await deploy_venue(l1)
