"""Where the servers of a data folder stand, and as whom they run."""

import os
import shutil
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from shared.embedded import programs
from shared.embedded.account import Account, account_for
from shared.embedded.programs import Programs
from shared.embedded.state import State
from shared.errors import Fatal

LEAST_FREE = 256 << 20
"""Bytes that must be free on the disk for a start."""

PATIENCE = 15.0
"""Seconds that a server which already runs has to answer before it is started anew."""


@dataclass(frozen=True)
class Place:
    """One folder for both servers; each owns a folder in it, logs and configuration are ours."""

    folder: Path
    account: Account
    programs: Programs
    durable: bool = True


def choose(data: Path, state: State, durable: bool) -> Place:
    """The place of a data folder's servers, made if need be; the state notes one outside it."""
    folder = servers_folder(data, state)
    account = account_for(folder / "postgres")
    found = programs.installed()
    if not account.is_self:
        if not (state.elsewhere or account.reaches(data)):
            folder = _elsewhere(data, state)
        if not found.reached_by(account):
            found = _copied(found, account)
    _check_space(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return Place(folder, account, found, durable)


def servers_folder(data: Path, state: State) -> Path:
    """The folder of the servers as noted in the state."""
    return Path(state.elsewhere) if state.elsewhere else data / "embedded"


def _say(sentence: str) -> None:
    """One line for whoever started the servers."""
    print(sentence, file=sys.stderr)


def _elsewhere(data: Path, state: State) -> Path:
    name = sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    folder = programs.open_to_all(programs.ELSEWHERE) / name
    state.elsewhere = str(folder)
    _say(
        f"The servers cannot run as root and their user cannot reach {data}: "
        f"they stand in {folder}."
    )
    return folder


def _copied(found: Programs, account: Account) -> Programs:
    copies = programs.copied(found)
    _say(f"The servers' user cannot reach {sys.prefix}: programs are in {copies.jars.parent}.")
    if not copies.reached_by(account):
        raise Fatal(
            f"The servers' user cannot reach {copies.jars.parent}: "
            "make the folders on the way to it readable for all."
        )
    return copies


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise Fatal(
            f"The disk of {folder} has {free >> 20} MiB free and the servers need "
            f"{LEAST_FREE >> 20}: make room, or set RAPPORT_DATA to a folder on another disk."
        )
