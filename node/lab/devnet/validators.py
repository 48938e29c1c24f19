"""The watchers of a devnet: each re-executes everything on its own, and signs what is right with a key of its own.

The first is called `watcher`, the others `watcher-2` and so on; so are their directories, logs and status files.
"""

from pathlib import Path

from node.lab.devnet.people import VALIDATORS_FIRST
from node.lab.devnet.processes import Child, Fleet
from node.lab.devnet.tally import Watched, read_watched


class Validators:
    """All of them, as one: as far as the slowest, content if each is."""

    def __init__(self, directory: Path, count: int) -> None:
        self._directory = directory
        self._names = ["watcher", *(f"watcher-{number}" for number in range(2, count + 1))]
        self._children: list[Child] = []

    async def start(self, fleet: Fleet, arguments: list[str]) -> None:
        """Start each with `novate watch ARGUMENTS` and its own key."""
        for number, name in enumerate(self._names):
            self._status(name).unlink(missing_ok=True)
            child = await fleet.start(
                name, "watch", *arguments, "--data-dir", str(self._directory / name), "--status-file", str(self._status(name)),
                "--development-key", str(VALIDATORS_FIRST + number), "--port", "0", "--json", may_end=True,
            )  # fmt: skip
            self._children.append(child)

    def read(self) -> Watched:
        """What their status files say together."""
        found = [read_watched(self._status(name)) for name in self._names]
        return Watched(
            min(item.verified for item in found),
            all(item.agrees for item in found),
            next((item.disagreement for item in found if item.disagreement), ""),
            min(item.attested for item in found),
        )

    def ended(self) -> Child | None:
        """One that has ended by itself."""
        return next((child for child in self._children if child.process.returncode is not None), None)

    async def stop(self, fleet: Fleet, seconds: float) -> None:
        """Ask each to end, and wait."""
        for name in self._names:
            await fleet.stop(name, seconds)

    def _status(self, name: str) -> Path:
        return self._directory / f"{name}.json"
