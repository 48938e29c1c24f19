"""Waiting for something outside that tells nobody when it happens."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

POLL_S: Final = 0.05


async def until(holds: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Look again and again until `holds`; False where that takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                if await holds():
                    return True
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return False
