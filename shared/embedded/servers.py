"""Starts, stops and shows the two servers of a data folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from shared.embedded import kafka, postgres, running
from shared.embedded.machine import complaint
from shared.embedded.place import Place, choose, servers_folder
from shared.embedded.running import Mark
from shared.embedded.state import State, check_version, load, locked, remembers, save
from shared.errors import Fatal


class Servers(NamedTuple):
    """Where the two servers are reached."""

    kafka: str
    database: str


class Status(NamedTuple):
    """One server as it stands now."""

    name: str
    running: bool
    pid: int | None
    address: str | None
    folder: Path


def start(data: Path, *, keep: bool = False, durable: bool = True) -> Servers:
    """Starts both servers, or takes those that run, and returns when both answer (about 3 s).

    They belong to this process, which ends them with `release`; with `keep` they stay until `stop`.
    Whatever a kill has left behind is put in order first. Not durable (for tests): no fsync.
    Raises Fatal with one sentence when they cannot be had.
    """
    if sentence := complaint():
        raise Fatal(sentence)
    data = data.absolute()
    with _in_one_sentence("start", data):
        data.mkdir(parents=True, exist_ok=True)
        with locked(data):
            check_version(data)
            return _start(data, keep, durable)


def release(data: Path) -> None:
    """Stops the servers if they belong to this process; others' are left alone."""
    _stop(data, lambda state: _is_self(state.owner))


def stop(data: Path) -> bool:
    """Stops the servers, whoever started them; says whether one was running."""
    return _stop(data, lambda _: True)


def remove(data: Path) -> None:
    """Stops the servers and deletes all that they keep; for data that nobody wants again."""
    stop(data)
    shutil.rmtree(servers_folder(data.absolute(), load(data)), ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)


def status(data: Path) -> list[Status]:
    """Both servers as they stand now."""
    state = load(data)
    folder = servers_folder(data.absolute(), state)
    return [
        _status("kafka", folder, state.kafka, f"127.0.0.1:{state.port}"),
        _status("postgres", folder, state.postgres, postgres.url(state)),
    ]


def _start(data: Path, keep: bool, durable: bool) -> Servers:
    state = load(data)
    _own(state, keep)
    place = choose(data, state, durable)
    save(data, state)
    before = {"kafka": state.kafka, "postgres": state.postgres}
    try:
        with ThreadPoolExecutor(2) as both:
            broker = both.submit(kafka.start, place, state)
            database = both.submit(postgres.start, place, state)
            return Servers(broker.result(), database.result())
    except BaseException:
        _undo(place, state, before)
        raise
    finally:
        save(data, state)


def _own(state: State, keep: bool) -> None:
    """Whose the servers are: kept ones stay kept, a living owner's its own, others are ours."""
    up = running.alive(state.kafka) or running.alive(state.postgres)
    state.kept = keep or (up and state.kept)
    if state.kept:
        state.owner = None
    elif not (up and running.alive(state.owner)):
        state.owner = _self()


def _undo(place: Place, state: State, before: dict[str, Mark | None]) -> None:
    """A start that failed leaves running only what was running before it."""
    if state.kafka != before["kafka"]:
        kafka.stop(place.folder)
    if state.postgres != before["postgres"]:
        postgres.stop(place.folder)


def _stop(data: Path, wanted: Callable[[State], bool]) -> bool:
    data = data.absolute()
    if not remembers(data):
        return False
    with _in_one_sentence("be stopped", data), locked(data):
        state = load(data)
        if not wanted(state):
            return False
        was_running = running.alive(state.kafka) or running.alive(state.postgres)
        folder = servers_folder(data, state)
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda end: end(folder), (kafka.stop, postgres.stop)))
        postgres.forget(state)
        state.owner, state.kept, state.kafka = None, False, None
        save(data, state)
    return was_running


@contextmanager
def _in_one_sentence(what: str, data: Path) -> Iterator[None]:
    """What the operating system refuses, as a Fatal."""
    try:
        yield
    except OSError as error:
        reason, place = error.strerror or error, error.filename or data
        raise Fatal(f"The embedded servers cannot {what}: {reason} ({place}).") from error


def _is_self(owner: Mark | None) -> bool:
    return owner is not None and owner.pid == os.getpid() and running.alive(owner)


def _self() -> Mark | None:
    return running.mark(os.getpid())


def _status(name: str, folder: Path, marked: Mark | None, address: str) -> Status:
    if marked is None or not running.alive(marked):
        return Status(name, False, None, None, folder / name)
    return Status(name, True, marked.pid, address, folder / name)
