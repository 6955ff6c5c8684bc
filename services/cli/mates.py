"""Processes that fold beside a command: `python -m services.cli.mates`, a Task on stdin.

Whatever becomes of one, the command goes on without it: its partitions are taken over.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Annotated

import msgspec
import typer

from services.cli import jobs
from services.cli.reach import reach, run
from shared import rebuilding, schemas
from shared.catchup import Beside
from shared.consumer import Targets
from shared.errors import Fatal
from shared.schemas import Schema
from shared.staging import BeginAnew

STOP_TIMEOUT = 20.0
"""Seconds that a mate is given to end."""

Workers = Annotated[
    int,
    typer.Option(min=1, max=32, help="Processes that fold at the same time, one to a core."),
]

_logger = logging.getLogger("rapport.mates")


class Task(msgspec.Struct, frozen=True):
    """What to fold, and up to where: topic in Kafka, partition, offset."""

    service: str
    schema: str
    until: list[tuple[str, int, int]]
    sample: int
    rate: float | None


def mates(service: str, number: int, rate: float | None) -> Beside:
    """So many processes beside a job on a service's view; `rate` as of the job."""

    @asynccontextmanager
    async def beside(schema: Schema, until: Targets, sample: int) -> AsyncIterator[None]:
        places = [(topic, partition, offset) for (topic, partition), offset in until.items()]
        task = msgspec.json.encode(Task(service, schema.name, places, sample, rate))
        async with AsyncExitStack() as stack:
            for _ in range(number):
                stack.push_async_callback(_end, await _begin(task))
            yield

    return beside


async def _begin(task: bytes) -> Process:
    words = (sys.executable, "-m", "services.cli.mates")
    mate = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=DEVNULL)
    assert mate.stdin is not None
    mate.stdin.write(task)
    with suppress(ConnectionError):  # it died at once: the exit code says so
        await mate.stdin.drain()
    mate.stdin.close()
    return mate


async def _end(mate: Process) -> None:
    """All is folded, or the job is off. What a mate complains of it has written itself."""
    with suppress(ProcessLookupError):
        mate.terminate()
    try:
        await asyncio.wait_for(mate.wait(), STOP_TIMEOUT)
    except TimeoutError:
        mate.kill()
        await mate.wait()


async def _fold(task: Task) -> None:
    place, service = reach(), jobs.service_of(task.service)
    until = {(topic, partition): offset for topic, partition, offset in task.until}
    async with jobs.ground_of(place, service, task.rate) as ground:
        schema = await schemas.load(ground.pool, task.schema, ground.prefix)
        try:
            await rebuilding.stage(ground, schema, until, lambda *_: None, task.sample)
        except BeginAnew as error:
            _logger.warning("%s is left to the command: %s", schema.name, error)


if __name__ == "__main__":
    try:
        run(_fold(msgspec.json.decode(sys.stdin.buffer.read(), type=Task)))
    except Fatal as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
