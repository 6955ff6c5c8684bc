"""Long jobs of the command line: what they work with, and how they show how far they are."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

from services.cli.reach import Reach, log_of, pool_of
from services.registry import SERVICES
from shared import memory
from shared.catchup import Beside, Ground, Tell, nobody
from shared.clock import monotonic
from shared.consumer import Pace
from shared.errors import Fatal
from shared.service import Service

SAID_EVERY = 5.0
"""Seconds between two lines where nobody looks at a terminal."""


def service_of(name: str) -> Service:
    """The service of that name. Raises Fatal."""
    for service in SERVICES:
        if service.name == name:
            return service
    raise Fatal(f"There is no service {name}; there are {', '.join(s.name for s in SERVICES)}.")


@asynccontextmanager
async def ground_of(
    place: Reach, service: Service, rate: float | None = None, beside: Beside = nobody
) -> AsyncIterator[Ground]:
    """What a job on a service's views works with; `rate` is in events per second."""
    prefix = place.settings.topic_prefix
    async with log_of(place) as log, pool_of(place, service.name, size=20) as pool:
        partitions = await pool.fetchval("SELECT max(partitions) FROM topics") or 1
        memory.settle()
        pace = Pace(lease=place.settings.lease_seconds)
        if rate is not None:
            pace = replace(pace, rate=rate / partitions)
        yield Ground(pool, log, service.view(prefix), prefix, pace, beside)


class _Rate(ProgressColumn):
    @override
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Tell]:
    """A bar with rate and remaining time for each step; lines where there is no terminal.

    It goes to standard error, so that standard output holds the answer alone.
    """
    if quiet:
        yield lambda what, done, total: None
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _on(bars)
    else:
        yield _in_lines()


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _on(bars: Progress) -> Tell:
    tasks: dict[str, TaskID] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    return tell


def _in_lines() -> Tell:
    last: tuple[str, float] = ("", 0.0)

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if what != last[0] or monotonic() - last[1] >= SAID_EVERY:
            last = (what, monotonic())
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)

    return tell
