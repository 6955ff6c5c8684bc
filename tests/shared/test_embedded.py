"""The embedded servers keep what they were given, whatever is killed, taken or in the way."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared import embedded
from shared.embedded import machine, place
from shared.embedded.running import Mark, of
from shared.embedded.state import load, save
from shared.errors import Fatal
from shared.log import Log, Topic
from shared.messages import Entry

TOPIC = "kept.1"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder with running servers, which every test here leaves stopped or running."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-embedded-"))
    folder.chmod(0o755)
    yield folder
    embedded.remove(folder)


def start(folder: Path) -> embedded.Servers:
    return embedded.start(folder, keep=True, durable=False)


def pids(folder: Path) -> dict[str, int | None]:
    return {server.name: server.pid for server in embedded.status(folder)}


def kill(folder: Path, *names: str) -> None:
    for name in names:
        pid = pids(folder)[name]
        assert pid
        os.kill(pid, signal.SIGKILL)


def start_in_another_process(folder: Path, then: str) -> None:
    """Starts the servers in a process that owns them, then does something else with it."""
    script = (
        "import os, sys; from pathlib import Path; from shared import embedded;"
        "embedded.start(Path(sys.argv[1]), durable=False);" + then
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False, timeout=60)


@asynccontextmanager
async def database(servers: embedded.Servers) -> AsyncIterator[asyncpg.Connection]:
    url = urlunsplit(urlsplit(servers.database)._replace(path="/postgres"))
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def write(servers: embedded.Servers, value: str) -> None:
    """Returns when both servers have acknowledged the value."""
    async with database(servers) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
        await connection.execute("INSERT INTO kept VALUES ($1)", value)
    log = await Log.connect(servers.kafka)
    try:
        await log.ensure_topics("", [Topic("kept")], 1)
        await log.append(TOPIC, 0, [Entry(b"key", value.encode())])
    finally:
        await log.close()


async def written(servers: embedded.Servers) -> tuple[set[str], set[str]]:
    """What each server has kept."""
    async with database(servers) as connection:
        rows = {row["value"] for row in await connection.fetch("SELECT value FROM kept")}
    log = await Log.connect(servers.kafka)
    try:
        records = await log.read(TOPIC, 0, 0, 1000)
    finally:
        await log.close()
    return rows, {record.value.decode() for record in records}


async def keeps(servers: embedded.Servers, value: str) -> bool:
    rows, records = await written(servers)
    return value in rows and value in records


async def test_two_starts_at_once_are_one(folder: Path) -> None:
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(start, [folder, folder])
    assert first == second
    assert len(of(folder / "embedded" / "kafka", "java")) == 1


async def test_what_was_written_is_there_after_a_stop(folder: Path) -> None:
    await write(start(folder), "before the stop")
    assert embedded.stop(folder)
    assert not any(server.running for server in embedded.status(folder))
    assert await keeps(start(folder), "before the stop")


@pytest.mark.parametrize("killed", [["kafka"], ["postgres"], ["kafka", "postgres"]])
async def test_what_was_acknowledged_survives_a_kill(folder: Path, killed: list[str]) -> None:
    value = f"before the kill of {killed}"
    await write(start(folder), value)
    kill(folder, *killed)
    assert await keeps(start(folder), value)


async def test_servers_that_a_killed_owner_left_are_taken_over(folder: Path) -> None:
    embedded.stop(folder)
    start_in_another_process(folder, "os.kill(os.getpid(), 9)")
    left = pids(folder)
    assert all(left.values())
    embedded.start(folder, durable=False)
    assert pids(folder) == left
    embedded.release(folder)
    assert not any(pids(folder).values())


async def test_servers_of_a_living_owner_are_not_released_by_another(folder: Path) -> None:
    embedded.stop(folder)
    embedded.start(folder, durable=False)
    mine = pids(folder)
    start_in_another_process(folder, "embedded.release(Path(sys.argv[1]))")
    assert pids(folder) == mine
    embedded.release(folder)


async def test_kept_servers_outlive_whoever_uses_them(folder: Path) -> None:
    start(folder)
    kept = pids(folder)
    embedded.start(folder, durable=False)
    embedded.release(folder)
    assert pids(folder) == kept


async def test_ports_that_were_taken_are_changed_for_others(folder: Path) -> None:
    await write(start(folder), "on the former ports")
    embedded.stop(folder)
    before = load(folder)
    with (
        socket.create_server(("127.0.0.1", before.port or 0)),
        socket.create_server(("127.0.0.1", before.controller_port or 0)),
    ):
        servers = start(folder)
        assert servers.kafka != f"127.0.0.1:{before.port}"
        assert await keeps(servers, "on the former ports")


async def test_a_pid_that_now_belongs_to_another_process_is_left_alone(folder: Path) -> None:
    await write(start(folder), "before the pid was given away")
    kill(folder, "postgres")
    state = load(folder)
    state.postgres = Mark(os.getpid(), 0.0)
    save(folder, state)
    lock = folder / "embedded" / "postgres" / "cluster" / "postmaster.pid"
    lock.write_text("\n".join([str(os.getppid()), *lock.read_text().splitlines()[1:]]) + "\n")
    assert await keeps(start(folder), "before the pid was given away")


async def test_servers_do_not_run_as_root(folder: Path) -> None:
    start(folder)
    servers = of(folder / "embedded" / "kafka", "java")
    servers += of(folder / "embedded" / "postgres", "postgres")
    assert len(servers) > 2
    assert all(process.uids().effective != 0 for process in servers)


async def test_a_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("0\n")
    with pytest.raises(Fatal, match=r"has version '0' and this Rapport writes version 1: start"):
        embedded.start(tmp_path)
    assert not place.servers_folder(tmp_path, load(tmp_path)).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the servers another user")
async def test_servers_stand_elsewhere_when_their_user_cannot_reach_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    before = hidden.stat().st_mode
    try:
        servers = start(hidden / "folder")
        await write(servers, "elsewhere")
        assert await keeps(start(hidden / "folder"), "elsewhere")
        assert "their user cannot reach" in capsys.readouterr().err
        assert hidden.stat().st_mode == before
    finally:
        embedded.remove(hidden / "folder")


async def test_a_full_disk_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "LEAST_FREE", 1 << 60)
    with pytest.raises(Fatal, match=r"MiB free and the servers need .*: make room"):
        start(tmp_path)


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Fatal, match=r"cannot start: Not a directory"):
        start(tmp_path / "file" / "folder")


async def test_another_c_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "confstr", lambda _: None)
    assert "need glibc 2.27 or newer" in (machine.complaint() or "")
    monkeypatch.setattr(os, "confstr", lambda _: "glibc 2.17")
    assert "this is 2.17" in (machine.complaint() or "")


async def test_stopping_what_never_ran_is_no_error(tmp_path: Path) -> None:
    assert embedded.stop(tmp_path / "nowhere") is False
    assert not any(server.running for server in embedded.status(tmp_path / "nowhere"))
