"""A fresh deployment for each test that asks."""

import pytest

from tests.l1.contracts.rig import Venue, new_venue


@pytest.fixture
def venue() -> Venue:
    """Return a deployment with USDC and ETH and nothing in it."""
    return new_venue()
