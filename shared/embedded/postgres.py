"""PostgreSQL from its wheel: on a unix socket that only its user (and root) can enter."""

import shutil
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil

from shared.embedded import running
from shared.embedded.account import run_as
from shared.embedded.place import PATIENCE, Place
from shared.embedded.state import State
from shared.errors import Fatal

_NAME = "postgres"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 107
_SECONDS_TO_RECOVER = 180.0

_SETTINGS = """\
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
jit = off
random_page_cost = 1.1
checkpoint_timeout = 15min
max_wal_size = 2GB
wal_buffers = 16MB
fsync = {durable}
full_page_writes = {durable}
synchronous_commit = on
log_checkpoints = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


def start(place: Place, state: State) -> str:
    """Starts the server, or takes the one that runs; notes it in the state and returns its URL."""
    if running.until(lambda: _settled(place, state), PATIENCE) and running.alive(state.postgres):
        return url(state)
    running.await_end(state.postgres)
    stop(place.folder, 5.0)
    forget(state)
    _initialise(place)
    state.sockets = str(_sockets(place))
    pid = _spawn(place, state)
    state.postgres = running.mark(pid)
    if not _ready(place, state):
        stop(place.folder)
        raise Fatal(f"PostgreSQL did not start: {running.last_words(_log(place.folder))}")
    return url(state)


def stop(folder: Path, seconds: float = 20.0) -> None:
    """Ends the server, or what a killed one has left; open transactions are rolled back."""
    home = folder / _NAME
    mine = running.of(home, _NAME) if home.is_dir() else []
    parents = [process for process in mine if _is_first(process, mine)]
    running.end(parents, ((signal.SIGINT, seconds), (signal.SIGQUIT, 5.0)))
    running.end(running.of(home, _NAME) if mine else [], ((signal.SIGQUIT, 2.0),))
    # Its pid may belong to another process by now, and PostgreSQL would then refuse to start.
    (home / "cluster" / "postmaster.pid").unlink(missing_ok=True)


def answers(place: Place, state: State) -> bool:
    """Whether the server takes connections now."""
    command = [place.programs.postgres("pg_isready"), "-q", "-t", "3", "-h", str(state.sockets)]
    command += ["-U", "rapport", "-d", "postgres"]
    return run_as(place.account, command, place.folder).returncode == 0


def url(state: State, database: str = "rapport") -> str:
    """The URL of a database of the running server."""
    return f"postgresql://rapport@/{database}?host={quote(str(state.sockets))}"


def _initialise(place: Place) -> None:
    home = place.account.own(place.folder / _NAME)
    if (home / "cluster").is_dir():
        return
    unfinished = home / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        place.programs.postgres("initdb"),
        "-D",
        str(unfinished),
        "-U",
        "rapport",
        "-A",
        "trust",
    ]
    command += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = run_as(place.account, command if place.durable else [*command, "--no-sync"], home)
    if done.returncode:
        raise Fatal(f"PostgreSQL's folder could not be made: {running.telling(done.stdout)}")
    unfinished.rename(home / "cluster")


def _spawn(place: Place, state: State) -> int:
    configuration = place.folder / "postgresql.conf"
    durable = "on" if place.durable else "off"
    configuration.write_text(_SETTINGS.format(sockets=state.sockets, durable=durable))
    configuration.chmod(0o644)
    home = place.folder / _NAME
    log = _log(place.folder)
    running.trim(log)
    command = [place.programs.postgres("postgres"), "-D", str(home / "cluster")]
    return running.spawn([*command, "-c", f"config_file={configuration}"], place.account, home, log)


def _ready(place: Place, state: State) -> bool:
    ended = running.until(lambda: _settled(place, state), _SECONDS_TO_RECOVER)
    return ended and running.alive(state.postgres)


def _settled(place: Place, state: State) -> bool:
    """Whether waiting is over: it answers, or it has ended."""
    return not running.alive(state.postgres) or answers(place, state)


def _sockets(place: Place) -> Path:
    folder = place.folder / "sockets"
    if len(str(folder / _SOCKET).encode()) <= _LONGEST_SOCKET:
        return place.account.own(folder)
    return place.account.own(Path(tempfile.mkdtemp(prefix="rapport-", dir="/tmp")))


def forget(state: State) -> None:
    """Clears what the state notes of a server that has ended."""
    if state.sockets and state.sockets.startswith("/tmp/rapport-"):
        shutil.rmtree(state.sockets, ignore_errors=True)
    state.postgres = state.sockets = None


def _is_first(process: psutil.Process, all_: list[psutil.Process]) -> bool:
    try:
        return process.ppid() not in {each.pid for each in all_}
    except psutil.NoSuchProcess:
        return False


def _log(folder: Path) -> Path:
    return folder / "postgres.log"
