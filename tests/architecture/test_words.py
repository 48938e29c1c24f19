"""Nothing that is tracked names the machine it was written on, or where its dependencies were fetched from.

An address in a lock file would decide for whoever installs; a path of one machine is wrong on every other.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# In pieces, so that this file does not hold what it forbids.
HOSTS = [
    ("py" + "pi", "org"), ("pythonhosted", "org"), ("npm" + "js", "org"), ("npm" + "js", "com"), ("yarnpkg", "com"),
    ("crates", "io"), ("proxy.golang", "org"), ("binaries.soliditylang", "org"),
]  # fmt: skip
REGISTRY = re.compile("|".join(re.escape(".".join(host)) for host in HOSTS))
MACHINE_PATH = re.compile("(?<![\\w.])/" + "(work|root|home/[a-z]+|Users/[A-Za-z]+)" + "/")


def tracked() -> list[Path]:
    """List the tracked files that hold text."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        pytest.skip("this is not a checkout: there is no list of tracked files to judge")
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def findings(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return each line that matches, with its place."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_registry_is_named() -> None:
    assert findings(REGISTRY, tracked()) == []


def test_no_machine_path_is_named() -> None:
    assert findings(MACHINE_PATH, tracked()) == []


def test_reference_data_is_named_by_tests_alone() -> None:
    paths = [path for path in tracked() if "tests" not in path.relative_to(ROOT).parts]
    assert findings(re.compile(r"\.\./" + "shared"), paths) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_python_lock_pins_hashes_and_no_addresses(path: Path) -> None:
    requirements = path.read_text().replace("\\\n", " ").splitlines()
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9-]+==\S+ ", requirement), requirement[:80]
        assert "--hash=sha256:" in requirement, requirement[:80]
        assert "://" not in requirement, requirement[:80]


def test_npm_lock_pins_hashes_and_no_addresses() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name
