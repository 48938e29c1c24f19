"""Committed artifacts are those of the committed sources, and every refusal has its number and its test."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from node.l1.contracts.artifact import load_artifact
from node.l1.contracts.errors import CONTRACTS, REFUSALS, explain
from proto.hashing import keccak
from proto.reject import RejectCode
from tests.l1.contracts import gas

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "node" / "l1" / "contracts"
ARTIFACTS = sorted((SOURCES / "artifacts").glob("*.json"))
UNREACHABLE = {"InvalidShortString", "StringTooLong"}  # A library's, for names longer than ours.
CODE_BYTES_MAX = 24_576  # EIP-170
GAS_TARGETS = {"commit": 250_000, "withdraw": 110_000, "deposit": 160_000}


def test_all_contracts_are_there() -> None:
    assert {path.stem for path in ARTIFACTS} == {
        "Novate", "Committee", "Escape", "Timelock", "TestToken", "FeeOnTransferToken", "BarringToken", "CallingToken", "TestReceiver",
    }  # fmt: skip


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda path: path.stem)
def test_artifact_is_of_these_sources(path: Path) -> None:
    digest = hashlib.sha256()
    for name in sorted(str(source.relative_to(SOURCES)) for source in SOURCES.rglob("*.sol")):
        digest.update(f"{name}\0{(SOURCES / name).read_text()}\0".encode())
    artifact = load_artifact(path.stem)
    assert artifact.source_hash == digest.digest(), "run node node/l1/contracts/compile.mjs"
    assert artifact.name == path.stem
    assert 0 < len(artifact.deployed_bytecode) <= CODE_BYTES_MAX


def test_compiler_is_the_pinned_one() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    for path in ARTIFACTS:
        compiler = json.loads(path.read_text())["compiler"]
        assert compiler["solc"].startswith(pinned["solc"] + "+commit.")
        assert compiler["openzeppelin"] == pinned["@openzeppelin/contracts"]


def test_rebuild_gives_the_same_bytes(npm_modules: Path, tmp_path: Path) -> None:
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed; it is needed to compile, not to run")
    assert (npm_modules / "solc").is_dir()
    done = subprocess.run(
        [program, str(SOURCES / "compile.mjs"), str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=540,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in ARTIFACTS]
    for path in ARTIFACTS:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.stem


def errors() -> list[tuple[str, str]]:
    """Name and signature of every error of our contracts; of the library's time lock, only what we add."""
    found = {
        (entry["name"], f"{entry['name']}({','.join(item['type'] for item in entry['inputs'])})")
        for contract in CONTRACTS
        for entry in load_artifact(contract).abi
        if entry["type"] == "error" and (contract != "Timelock" or entry["name"] == "DelayIsFixed")
    }
    return sorted(found)


def test_every_error_has_a_number() -> None:
    named = {name for name, _ in errors()}
    assert named == set(REFUSALS)
    numbers = [refusal.number for refusal in REFUSALS.values()]
    assert len(set(numbers)) == len(numbers)
    assert not {int(code) for code in RejectCode} & set(numbers)
    assert all(6100 <= number < 7000 for number in numbers)
    assert all(refusal.sentence.endswith(".") for refusal in REFUSALS.values())


def test_every_error_is_provoked() -> None:
    """Each is expected by name in a test beside this one."""
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
    expected = set(re.findall(r'"(\w+)', text)) | set(re.findall(r"(\w+)\(\)", text))
    assert set(REFUSALS) - expected == UNREACHABLE


def test_explanation_of_a_revert() -> None:
    data = keccak(b"AmountDoesNotDivide(uint256,uint256)")[:4] + (7).to_bytes(32, "big") + (5).to_bytes(32, "big")
    explained = explain(data)
    assert explained is not None
    assert (explained.number, explained.error.name) == (6105, "AmountDoesNotDivide")
    assert explained.error.values == {"amount": 7, "unitDivisor": 5}
    assert explain(data[:-1]) is None
    assert explain(b"") is None
    assert explain(b"\x01\x02\x03\x04") is None


def test_documentation_names_everything() -> None:
    """Functions, events and errors with their numbers; a reader of the document misses nothing of the ABI."""
    text = (ROOT / "docs" / "CONTRACT.md").read_text()
    for contract in CONTRACTS[:3]:  # The time lock's are the library's.
        for entry in load_artifact(contract).abi:
            if entry["type"] in {"function", "event"}:
                assert f"`{entry['name']}" in text, (contract, entry["name"])
    for name, signature in errors():
        assert f"| {REFUSALS[name].number} | `{signature}` |" in text, name
        assert REFUSALS[name].sentence in text, name


def test_documented_gas_is_what_is_measured() -> None:
    text = (ROOT / "docs" / "CONTRACT.md").read_text()
    documented = text.partition(gas.BEGIN)[2].partition(gas.END)[0].strip()
    assert documented == gas.table(), "run .venv/bin/python -m tests.l1.contracts.gas"


def test_gas_is_within_the_targets() -> None:
    for name, used, remark in [*gas.deposits(), *gas.withdrawals(65_536)]:
        target = next((gas_max for call, gas_max in GAS_TARGETS.items() if name.startswith(f"`{call}")), None)
        if target is not None and "first of 256" not in remark:
            assert used <= target, name
