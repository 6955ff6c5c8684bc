"""What a data folder remembers of its servers, under a lock so that two starts at once are one."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from shared.embedded.running import Mark, until
from shared.errors import Fatal

VERSION = "1"
"""The version of the data folder's layout; a folder of another one is left alone."""

_STATE = "embedded.json"


class State(msgspec.Struct, omit_defaults=True):
    """Where the servers stand and who started them."""

    elsewhere: str | None = None  # the servers' folder when it is not in the data folder
    owner: Mark | None = None  # the process that stops the servers when it ends
    kept: bool = False  # started to stay, until somebody stops them
    postgres: Mark | None = None
    sockets: str | None = None
    kafka: Mark | None = None
    port: int | None = None
    controller_port: int | None = None


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Holds the folder's lock, which a kill lets go of. Raises Fatal after a minute."""
    with open(data / "embedded.lock", "a") as lock:
        if not until(lambda: _taken(lock.fileno()), 60.0):
            raise Fatal(
                f"Another process has been starting or stopping the servers of {data} for a minute."
            )
        yield


def load(data: Path) -> State:
    """What was saved last; nothing when the file is missing or was cut short."""
    try:
        return msgspec.json.decode((data / _STATE).read_bytes(), type=State)
    except (FileNotFoundError, msgspec.MsgspecError):
        return State()


def remembers(data: Path) -> bool:
    """Whether servers were ever started here."""
    return (data / _STATE).is_file()


def save(data: Path, state: State) -> None:
    """Writes the state whole or not at all, a power cut included."""
    _write(data / _STATE, msgspec.json.format(msgspec.json.encode(state)) + b"\n")


def check_version(data: Path) -> None:
    """Notes the version in a new data folder. Raises Fatal for a folder of another version."""
    path = data / "version"
    found = path.read_text().strip() if path.exists() else None
    if found is None:
        _write(path, f"{VERSION}\n".encode())
    elif found != VERSION:
        raise Fatal(
            f"The data folder {data} has version {found!r} and this Rapport writes version "
            f"{VERSION}: start the Rapport that made it, or set RAPPORT_DATA to another folder."
        )


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
