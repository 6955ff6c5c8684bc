"""A disk that is full for a while, under PostgreSQL and then under Kafka."""

import os
import subprocess
import time
from errno import ENOSPC
from functools import partial
from io import RawIOBase
from pathlib import Path

from shared import embedded
from shared.clock import monotonic
from tests.faults.kills import RECOVERY
from tests.faults.scenario import Done, NotRun
from tests.faults.stage import Apart, Stage

SERVERS = ("postgres", "kafka")
SIZE = 512
"""MiB of a small file system: what a server needs, and some load."""

CHUNK, PAGE = 1 << 20, 1 << 12


def full(stage: Stage) -> Done:
    """The disk of PostgreSQL, and then that of Kafka, is full for 60 s under load."""
    seconds, servers = stage.seconds(60, 5), stage.folder / "small"
    disks = {name: _small_disk(stage, servers / "embedded" / name) for name in SERVERS}
    stage.at_end(lambda: embedded.remove(servers))
    small = Stage(stage.folder, stage.scale, servers)
    stage.at_end(lambda: small.clear(shared=True))
    apart, said = small.deployment(), []
    with apart.load() as load:
        for name, disk in disks.items():
            ballast = disk / "ballast"
            _fill(ballast)
            before = load.number
            _fill(ballast, seconds)
            taken = load.number - before
            runs = {each.name: each.running for each in embedded.status(servers)}[name]
            ballast.unlink()
            small.restore()
            load.go_on(seconds=RECOVERY)
            outcome = "lived on" if runs else "ended and was started again"
            said.append(f"of {name}: it {outcome}, {taken:,} events let in meanwhile")
    said[0] += f", and folds {'waited' if _felt(apart) else 'did not come to need any room'}"
    done = f"a disk full for {seconds:.0f} s, {'; '.join(said)}"
    return Done(f"{done}; {load.unsettled:,} events sent again", apart)


def _felt(apart: Apart) -> bool:
    return any(program.says("DiskFullError") for program in apart.programs.values())


def _small_disk(stage: Stage, folder: Path) -> Path:
    """A file system of its own, in memory, which only root may mount."""
    if os.geteuid() != 0:
        raise NotRun("only root may mount a small file system")
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "rapport-faults", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotRun(f"no small file system can be mounted: {done.stderr.strip()}")
    stage.at_end(partial(_unmount, folder))
    return folder


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(ballast: Path, seconds: float = 0.0) -> None:
    """Take all room there is, and for so long whatever becomes free."""
    deadline = monotonic() + seconds
    with ballast.open("ab", buffering=0) as file:
        for size in (CHUNK, PAGE):
            _write(file, size)
        while monotonic() < deadline:
            _write(file, PAGE)
            time.sleep(0.2)


def _write(file: RawIOBase, size: int) -> None:
    """Write pieces of this size until there is no room for one more."""
    piece = bytes(size)
    try:
        while file.write(piece) == size:
            pass
    except OSError as error:
        if error.errno != ENOSPC:
            raise
