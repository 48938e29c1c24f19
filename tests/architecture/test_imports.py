"""Every package can be imported first, without a warning, and the name `proto` is ours.

The direction of imports is the business of import-linter (`scripts/test` runs it); these are things it cannot see.
"""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for top in ("proto", "node")
    for path in (ROOT / top).rglob("__init__.py")
)


@pytest.mark.parametrize("package", PACKAGES)
def test_package_can_be_imported_first(package: str) -> None:
    """A ring of imports shows only when another member of it is entered first."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {package}"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_only_we_provide_proto() -> None:
    """Google's proto-plus ships a package of the same name; together in one environment either could win."""
    spec = importlib.util.find_spec("proto")
    assert spec is not None
    assert spec.origin == str(ROOT / "proto" / "__init__.py")
    providers = importlib.metadata.packages_distributions()
    for name in ("proto", "node"):
        assert [found for found in providers.get(name, []) if found != "novate"] == []


def test_every_directory_of_code_is_a_package() -> None:
    """A directory without `__init__.py` would be left out of the distribution without a word."""
    code = {path.parent for top in ("proto", "node") for path in (ROOT / top).rglob("*.py")}
    assert [str(path.relative_to(ROOT)) for path in sorted(code) if not (path / "__init__.py").exists()] == []


def test_top_level_holds_what_the_layout_names() -> None:
    """Nothing lands beside the rooms unnoticed."""
    done = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        pytest.skip("this is not a checkout: there is no list of tracked files to judge")
    assert {name for name in done.stdout.split() if not name.startswith(".")} <= {
        "CHANGELOG.md", "Dockerfile", "README.md", "config", "docs", "node", "package-lock.json", "package.json",
        "proto", "pyproject.toml", "requirements-build.lock", "requirements-clients.lock", "requirements-dev.lock",
        "requirements.lock", "scripts",
        "tests",
    }  # fmt: skip
