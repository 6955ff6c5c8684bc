"""Named failpoints: places where a process can be told to die, to wait or to fail. For tests."""

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from shared import clock
from shared.errors import Fatal

POINTS = {
    "append.sending": "records are handed to Kafka's client; no broker has acknowledged them",
    "append.settled": "a broker has acknowledged records; who appended them has not heard of it",
    "copy.saved": "how far the copy of a topic has come is noted",
    "copy.fenced": "the topics that are copied take no more records; the last ones are not copied",
    "copy.recorded": "the first of the databases has the next generation as the present one",
    "events.appended": "decided events are in the table, with states and claims; not committed",
    "events.committed": "decided events are committed; who decided has not heard of it",
    "fold.written": "a batch is in the view, with its checkpoint; not committed",
    "fold.committed": "a batch is committed; who folds has not heard of it",
    "neighbour.answered": "another service has answered a worker; nothing of it is noted",
    "rebuild.begun": "a schema to be rebuilt stands there, empty",
    "rebuild.folded": "all is folded that a rebuild folds in bulk; staging is open still",
    "rebuild.closed": "nothing can be staged any more; no table is merged",
    "rebuild.merging": "a table of a rebuild is merged, with its key; not committed",
    "rebuild.merged": "a table of a rebuild is merged, committed",
    "rebuild.finished": "a rebuilt schema is one like any other; it does not serve",
    "relay.read": "the relay has read a page of decided events; nothing of it is in the log",
    "relay.appended": "the page is in the log; the relay's mark is not moved",
    "relay.moved": "the relay's mark is moved",
    "resolve.read": "the resolver has read what folds committed; nothing is worked off",
    "resolve.written": "a pass of the resolver is written; not committed",
    "resolve.committed": "a pass of the resolver is committed; the resolver has not heard of it",
    "switch.written": "another schema serves; not committed",
    "switch.committed": "another schema serves; who let it has not heard of it",
    "tell.noted": "what is to be told is committed; nothing of it is in the log",
    "tell.appended": "what is told is in the log; it is not marked sent",
    "tell.marked": "what was told is marked sent",
    "timer.written": "that moments came is decided, with the inbox; not committed",
    "timer.committed": "that moments came is committed; the timer has not heard of it",
}
"""Every failpoint, and what has happened there and what has not."""

OF_COMMANDS = tuple(name for name in POINTS if name.startswith(("copy.", "rebuild.", "switch.")))
OF_DECIDING = tuple(name for name in POINTS if name.startswith(("events.", "relay.", "timer.")))
OF_NEIGHBOURS = tuple(name for name in POINTS if name.startswith("neighbour."))
OF_SERVICES = tuple(
    name for name in POINTS if name not in (*OF_COMMANDS, *OF_DECIDING, *OF_NEIGHBOURS)
)
"""Those that services come to while they work; the others are of commands, of deciding, and of
asking one another."""

EXIT = 137
"""The exit code of a process that dies at a failpoint: that of kill -9."""

LONGEST_PAUSE = 600.0
"""Seconds after which a pause fails."""

_logger = logging.getLogger("rapport.failpoints")


@dataclass
class _Armed:
    """What happens at a failpoint: nothing, but at one of its hits."""

    action: str
    hits: int  # that are left until it happens


_armed: dict[str, _Armed] = {}


def failpoint(name: str) -> None:
    """Do what was armed for this failpoint; in production nothing is, and this costs 40 ns."""
    if _armed:
        _hit(name)


def arm(points: str, clock_offset: float, *, allowed: bool) -> None:
    """Arm what is set, and nothing else: `fold.written=exit, tell.noted=error@3`.

    `exit` ends the process at once, as kill -9 does. `pause:FILE` stops it, all its threads of
    work, until the file is there. `error` raises what a lost connection raises. Each happens once:
    at the first hit, or with `@3` at the third. `clock_offset` makes `shared.clock.now` wrong by
    so many seconds. Raises Fatal for what cannot be armed, and for anything unless it is allowed.
    """
    if (points or clock_offset) and not allowed:
        raise Fatal(
            "RAPPORT_FAILPOINTS and RAPPORT_CLOCK_OFFSET make this process fail or go wrong: "
            "unset them, or set RAPPORT_ALLOW_FAILPOINTS=1 where that is wanted."
        )
    armed = dict(map(_parsed, filter(None, map(str.strip, points.split(",")))))
    _armed.clear()
    _armed.update(armed)
    clock.be_wrong(clock_offset)


def _parsed(text: str) -> tuple[str, _Armed]:
    name, _, action = text.partition("=")
    action, _, hit = action.partition("@")
    if name not in POINTS:
        raise Fatal(f"RAPPORT_FAILPOINTS names {name!r}; there are {', '.join(POINTS)}.")
    if not (action in ("exit", "error") or (action.startswith("pause:") and action[6:])):
        raise Fatal(f"RAPPORT_FAILPOINTS: {text!r} is none of {name}=exit, =error, =pause:FILE.")
    if hit and not (hit.isdecimal() and int(hit) > 0):
        raise Fatal(f"RAPPORT_FAILPOINTS: in {text!r} {hit!r} is no number of a hit from 1 on.")
    return name, _Armed(action, int(hit or 1))


def _hit(name: str) -> None:
    armed = _armed.get(name)
    if armed is None:
        return
    armed.hits -= 1
    if armed.hits:
        return
    del _armed[name]
    _logger.critical("failpoint %s: %s", name, armed.action)
    if armed.action == "exit":
        os._exit(EXIT)
    if armed.action == "error":
        raise ConnectionResetError(f"failpoint {name}")
    _pause(Path(armed.action.removeprefix("pause:")))


def _pause(file: Path) -> None:
    deadline = clock.monotonic() + LONGEST_PAUSE
    while not file.exists():
        if clock.monotonic() > deadline:
            raise TimeoutError(f"{file} is not there after {LONGEST_PAUSE:.0f} s")
        time.sleep(0.01)
