"""The running instance of a data folder: one at a time on the embedded servers, found by others."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from shared.errors import Fatal

_LOCK = "running.lock"
_WHERE = "running.json"


class Instance(msgspec.Struct, frozen=True):
    """Where a running instance answers, and its process."""

    url: str
    pid: int


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the data folder while the body runs; a kill lets go of it. Raises Fatal."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = open(data / _LOCK, "a")  # noqa: SIM115
    except OSError as error:
        raise unwritable(data, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fatal(_already(data)) from None
        yield


def _already(data: Path) -> str:
    other = find(data)
    where = f" at {other.url} (process {other.pid})" if other else ""
    return (
        f"Rapport runs already on the data folder {data}{where}; "
        "stop it, or set RAPPORT_DATA and RAPPORT_PORT to others."
    )


def note(data: Path, url: str) -> None:
    """Say where this process answers. Raises Fatal where the data folder cannot be written."""
    draft = data / f".{_WHERE}.{os.getpid()}"
    try:
        draft.write_bytes(msgspec.json.encode(Instance(url, os.getpid())) + b"\n")
        draft.replace(data / _WHERE)
    except OSError as error:
        raise unwritable(data, error) from error


def forget(data: Path) -> None:
    """Take back what this process noted; another's stays."""
    found = find(data)
    if found is not None and found.pid == os.getpid():
        (data / _WHERE).unlink(missing_ok=True)


def find(data: Path) -> Instance | None:
    """What was noted last; whether it still answers is for the caller to see."""
    try:
        return msgspec.json.decode((data / _WHERE).read_bytes(), type=Instance)
    except (OSError, msgspec.MsgspecError):
        return None


def unwritable(data: Path, error: OSError) -> Fatal:
    """The sentence for a data folder that cannot be had."""
    return Fatal(
        f"The data folder {data} cannot be written ({error.strerror or error}); "
        "set RAPPORT_DATA to a folder that this user may write to."
    )
