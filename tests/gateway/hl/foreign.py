"""Client libraries of others, run in their own environment against a live node.

Their pinned dependencies contradict the node's, so they live in `.venv-clients` (`scripts/env --clients` makes it from
requirements-clients.lock) and talk to the node as strangers do: over the network.
"""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
PYTHON = Path(os.environ.get("NOVATE_CLIENTS_PYTHON") or ROOT / ".venv-clients" / "bin" / "python")
_RUN_S_MAX = 150


async def run(program: str, *arguments: str) -> Any:
    """What a program prints."""
    if not PYTHON.exists():
        pytest.skip("the clients' environment is missing; scripts/env --clients makes it")
    return await _printed(str(PYTHON), "-I", "-W", "ignore", str(PROGRAMS / f"{program}.py"), *arguments)


async def run_node(program: str, *arguments: str) -> Any:
    """What a JavaScript program prints; its packages are those of package.json."""
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "@nktkas").exists():
        pytest.skip("Node.js or the npm packages are missing; scripts/test installs them")
    return await _printed(node, str(PROGRAMS / f"{program}.mjs"), *arguments)


async def run_text(language: str, text: str, directory: Path) -> str:
    """What a program given as text says."""
    if language == "python":
        if not PYTHON.exists():
            pytest.skip("the clients' environment is missing; scripts/env --clients makes it")
        program = directory / "program.py"
        command = [str(PYTHON), "-I", "-W", "ignore", str(program)]
    else:
        found = shutil.which("node")
        if found is None or not (ROOT / "node_modules" / "@nktkas").exists():
            pytest.skip("Node.js or the npm packages are missing; scripts/test installs them")
        program = directory / "program.mjs"
        (directory / "node_modules").symlink_to(ROOT / "node_modules")
        command = [found, str(program)]
    program.write_text(text, encoding="utf-8")
    return await _said(*command)


async def _printed(*command: str) -> Any:
    return json.loads(await _said(*command))


async def _said(*command: str) -> str:
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_RUN_S_MAX):
            out, errors = await child.communicate()
    except TimeoutError:
        child.kill()
        out, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()[-4_000:] + out.decode()[-6_000:]
    return out.decode()
