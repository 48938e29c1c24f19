"""Children of a devnet: watched, stopped in order, and never left behind; and its data directory: one devnet at a time."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from node.lab.devnet import record
from node.lab.devnet.processes import ROOT, ChildEnded, ChildSilent, Fleet, supervised

URL = re.compile(r"at (http://\S+?),")
PARENT = """
import asyncio, sys
from pathlib import Path
from node.lab.devnet.processes import Fleet

async def main():
    async with Fleet(Path(sys.argv[1])) as fleet:
        await fleet.start("l1", "l1", "--data-dir", sys.argv[1] + "/chain", "--port", "0")
        print(fleet.pids()["l1"], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def gone(pid: int) -> None:
    """Wait until a process is gone."""
    async with asyncio.timeout(20):
        while is_alive(pid):
            await asyncio.sleep(0.01)


async def start_l1(fleet: Fleet, directory: Path, port: int = 0) -> int:
    """The embedded chain as a child; its process id."""
    child = await fleet.start("l1", "l1", "--data-dir", str(directory / "chain"), "--port", str(port))
    await fleet.heard(child, URL, 30)
    return child.process.pid


async def test_a_child_is_heard_and_stopped(tmp_path: Path) -> None:
    async with Fleet(tmp_path / "logs") as fleet, supervised(fleet):
        pid = await start_l1(fleet, tmp_path)
        assert fleet.pids() == {"l1": pid}
        assert await fleet.stop("l1", 20) == 0
        assert fleet.pids() == {}
        assert not is_alive(pid)


async def test_what_is_left_is_killed_at_the_end(tmp_path: Path) -> None:
    async with Fleet(tmp_path) as fleet:
        pid = await start_l1(fleet, tmp_path)
    assert not is_alive(pid)


async def test_a_child_that_ends_by_itself_says_why(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with Fleet(tmp_path) as fleet:
            with pytest.raises(ChildEnded, match="address already in use") as ended:
                await start_l1(fleet, tmp_path, taken.getsockname()[1])
    assert (ended.value.name, ended.value.code) == ("l1", 2)


async def test_a_child_that_is_killed_ends_the_work(tmp_path: Path) -> None:
    async with Fleet(tmp_path) as fleet:
        with pytest.RaisesGroup(pytest.RaisesExc(ChildEnded, match="l1 was killed by signal 9")):
            async with asyncio.timeout(60), supervised(fleet):
                os.kill(await start_l1(fleet, tmp_path), signal.SIGKILL)
                await asyncio.Event().wait()


async def test_a_child_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async with Fleet(tmp_path) as fleet:
        child = await fleet.start("l1", "l1", "--data-dir", str(tmp_path / "chain"), "--port", "0")
        with pytest.raises(ChildSilent, match="l1 was not ready within 0 s"):
            await fleet.heard(child, re.compile("never"), 0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a process that was killed")
async def test_children_die_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    assert is_alive(child)
    parent.kill()
    await parent.communicate()
    await gone(child)


async def test_a_directory_serves_one_devnet_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_FREE_S", 0.2)
    async with record.held(tmp_path / "data"):
        with pytest.raises(record.DirectoryBusy, match="another devnet"):
            async with record.held(tmp_path / "data"):
                pass
    async with record.held(tmp_path / "data"):
        pass


async def test_the_lock_is_free_only_when_the_children_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_FREE_S", 0.2)
    async with contextlib.AsyncExitStack() as stack:
        async with record.held(tmp_path) as lock:
            fleet = await stack.enter_async_context(Fleet(tmp_path / "logs", (lock,)))
            await start_l1(fleet, tmp_path)
        with pytest.raises(record.DirectoryBusy):
            async with record.held(tmp_path):
                pass
        await fleet.stop("l1", 20)
        async with record.held(tmp_path):
            pass


def test_the_record_is_whole_or_absent(tmp_path: Path) -> None:
    record.forget(tmp_path)
    record.publish(tmp_path, {"ports": {"http": 1}})
    record.publish(tmp_path, {"ports": {"http": 2}})
    assert (tmp_path / "devnet.json").read_text() == '{\n  "ports": {\n    "http": 2\n  }\n}\n'
    record.forget(tmp_path)
    assert not (tmp_path / "devnet.json").exists()
