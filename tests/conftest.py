"""What every test may ask for: a repeatable seed, foreign tools, and reference data that lives beside the repository.

A test never invents its own randomness: it takes `seed`, which is printed and can be given back with `--seed`.
"""

import secrets
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# No deadline: a timing is a benchmark, never an assertion. The blob that pytest prints repeats a failing example.
settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile("campaign", deadline=None, print_blob=True, max_examples=5_000, stateful_step_count=200)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--seed`, which repeats a random test that failed."""
    parser.addoption("--seed", type=int, default=None, help="repeat a random test with the seed that it printed")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed for everything random in this test; shown with the output of a failure."""
    given: int | None = request.config.getoption("--seed")
    value = secrets.randbits(32) if given is None else given
    print(f"repeat with: --seed {value}")
    return value


@pytest.fixture(scope="session")
def npm_modules() -> Path:
    """Return the directory of the npm tools, or skip: running a node needs none of them."""
    path = ROOT / "node_modules"
    if not (path / ".package-lock.json").exists():
        pytest.skip("the npm tools are not installed (scripts/test installs them where npm is)")
    return path


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Return the directory of reference data beside the repository, or skip."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("the reference data is not on this machine (../shared)")
    return path
