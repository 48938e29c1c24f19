"""The compiled rule book is the interpreted one: every scenario, vector and pinned root comes out the same.

The repository is copied, `proto` and `node/core` are compiled with mypyc (about two minutes), and the copy's own tests run on the result.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("proto", "node", "tests", "config", "pyproject.toml")
INTERPRETED = (
    "proto/signing/secp256k1.py",
)  # Catches a foreign exception that subclasses a builtin; nothing in it is hot.
TESTS = ("tests/scenarios", "tests/vectors", "tests/core/test_order_flow.py", "tests/core/test_book_twin.py")
COMPILE_S = 1_800


@pytest.mark.campaign
@pytest.mark.timeout(2 * COMPILE_S)
def test_compiled_core_gives_the_same_roots(tmp_path: Path) -> None:
    for name in COPIED:
        source, target = ROOT / name, tmp_path / "tree" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(source, target)
    tree = tmp_path / "tree"
    if (ROOT.parent / "shared").exists():
        (tmp_path / "shared").symlink_to(ROOT.parent / "shared")
    modules = sorted(
        str(path.relative_to(tree)) for top in ("proto", "node/core") for path in (tree / top).rglob("*.py")
    )
    compiled = [module for module in modules if module not in INTERPRETED]
    mypyc = [str(Path(sys.executable).parent / "mypyc"), "--ignore-missing-imports", *compiled]
    subprocess.run(mypyc, cwd=tree, check=True, timeout=COMPILE_S, capture_output=True)
    assert len(list((tree / "node" / "core").rglob("*.so"))) > 30, "the core is really compiled"
    for module in compiled:
        (tree / module).unlink()  # What is left to import is the compiled form alone.
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(
        run, cwd=tree, check=False, timeout=COMPILE_S, capture_output=True, text=True, env={"PYTHONPATH": str(tree)}
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    assert "passed" in done.stdout
