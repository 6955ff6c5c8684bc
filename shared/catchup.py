"""A schema brought exactly up to given offsets: what rebuild and verify are made of."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from shared.consumer import Pace, Targets
from shared.database import Connection, Pool, in_schema, is_transient
from shared.errors import Conflict, DatabaseUnavailable, Fatal
from shared.locking import locked
from shared.log import Log
from shared.projection import View
from shared.schemas import Schema, positions
from shared.tasks import end
from shared.worker import Worker

LOOK = 0.2
"""Seconds between two looks at how far it has come."""

STOP_TIMEOUT = 20.0

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done and how much there is."""


Beside = Callable[[Schema, Targets, int], AbstractAsyncContextManager[None]]
"""What folds the same schema, up to the same targets and of the same sample, while a body runs."""


def nobody(schema: Schema, until: Targets, sample: int) -> AbstractAsyncContextManager[None]:
    """Nobody else folds."""
    return nullcontext()


@dataclass(frozen=True)
class Ground:
    """What a long job on a view's schemas works with; `beside`: other processes that help."""

    pool: Pool
    log: Log
    view: View
    prefix: str = ""
    pace: Pace = field(default_factory=Pace)
    beside: Beside = nobody


@asynccontextmanager
async def alone(pool: Pool, what: str) -> AsyncIterator[None]:
    """Keep other commands from the same job. Raises Conflict where one is at it."""
    async with locked(pool, f"job {what}") as connection:
        if connection is None:
            raise Conflict(f"Another command is at work on the {what}.", code="busy")
        yield


@asynccontextmanager
async def working(ground: Ground, schema: Schema, until: Targets | None) -> AsyncIterator[None]:
    """While the body runs, fold the schema with a worker of this process."""
    worker = Worker(
        *(ground.pool, ground.log, ground.view, schema),
        prefix=ground.prefix,
        pace=ground.pace,
        until=until,
    )
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait([task], timeout=STOP_TIMEOUT)
        await end(task)


async def catch_up(
    ground: Ground,
    schema: Schema,
    targets: Targets,
    tell: Tell,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Fold a schema up to the targets and not beyond; one that is there already stays as it is.

    Waits for what is away. Raises Fatal where a partition halts, and whatever `check` raises.
    Cancelled, it goes on from where it was the next time.
    """
    total = sum(targets.values())
    if _reached(await positions(ground.pool, schema), targets):
        return
    async with working(ground, schema, targets):
        while True:
            found = await _look(ground.pool, schema)
            check()
            tell("folding", _sum(found, targets), total)
            if _reached(found, targets):
                return
            await asyncio.sleep(LOOK)


async def _look(pool: Pool, schema: Schema) -> Mapping[tuple[str, int], int]:
    """The positions; none while the database is away. Raises Fatal for a partition that halted."""
    try:
        async with pool.acquire() as connection:
            await raise_halted(connection, schema)
            return await positions(connection, schema)
    except Exception as error:
        if isinstance(error, DatabaseUnavailable) or is_transient(error):
            return {}
        raise


async def raise_halted(connection: Connection, schema: Schema) -> None:
    """Raises Fatal where a partition of the schema halted."""
    row = await connection.fetchrow(in_schema(_HALTED, schema.name))
    if row is not None:
        raise Fatal(f"{schema.name} halted at partition {row['partition']}: {row['halted']}.")


def _reached(found: Mapping[tuple[str, int], int], targets: Targets) -> bool:
    return all(found.get(place, -1) >= target for place, target in targets.items())


def _sum(found: Mapping[tuple[str, int], int], targets: Targets) -> int:
    return sum(min(found.get(place, 0), target) for place, target in targets.items())


_HALTED = "SELECT partition, halted FROM {s}.failures WHERE halted IS NOT NULL LIMIT 1"
