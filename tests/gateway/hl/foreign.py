"""Client libraries of others, run in their own environment against a live node.

Their pinned dependencies contradict the node's, so they live in `.venv-clients` (`scripts/env --clients` makes it from
requirements-clients.lock) and talk to the node as strangers do: over the network.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
PYTHON = Path(os.environ.get("NOVATE_CLIENTS_PYTHON") or ROOT / ".venv-clients" / "bin" / "python")
_RUN_S_MAX = 90


async def run(program: str, *arguments: str) -> Any:
    """What a program prints."""
    if not PYTHON.exists():
        pytest.skip("the clients' environment is missing; scripts/env --clients makes it")
    child = await asyncio.create_subprocess_exec(
        str(PYTHON), "-I", "-W", "ignore", str(PROGRAMS / f"{program}.py"), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_RUN_S_MAX):
            out, errors = await child.communicate()
    except TimeoutError:
        child.kill()
        out, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()[-4_000:] + out.decode()[-6_000:]
    return json.loads(out)
