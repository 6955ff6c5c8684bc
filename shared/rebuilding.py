"""Rebuild: a view folded anew from the start of the log, beside the live one, then let serve."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from shared import bulk, schemas
from shared.bulk import Batch, BeginAnew, Bulk, Holding, Over
from shared.catchup import Ground, Tell, alone, catch_up, raise_halted, working
from shared.consumer import Targets
from shared.database import ERRORS, Connection, Pool, is_transient
from shared.errors import Conflict, Fatal, LogUnavailable, NotFound
from shared.failpoints import failpoint
from shared.messages import Record
from shared.outcomes import describe
from shared.projection import Event, View
from shared.promotion import STANDS_BY, Promotion
from shared.schemas import REBUILD, SERVE, Schema

BATCH = 1_000
"""Records of one transaction while nobody reads the schema; more cost memory and save nothing."""

LOOK = 0.2
STILL_READ = 10
"""Seconds after a switch in which a request may still read what served before."""

MOST_BEGINNINGS = 5
"""Crashes of PostgreSQL that one rebuild outlives."""

_logger = logging.getLogger("rapport.rebuilding")


async def rebuild(ground: Ground, tell: Tell) -> Schema:
    """Fold the view from the start into a new schema and let it serve once it has caught up.

    A rebuild that was cut off is gone on with. Raises Conflict where another command is at it or
    the services run another version, Fatal where it halts.
    """
    async with alone(ground.pool, job(ground.view)):
        await same_version(ground)
        for _ in range(MOST_BEGINNINGS):
            schema = await begun(ground, REBUILD) or await begin(ground, REBUILD)
            failpoint("rebuild.begun")
            try:
                await fill(ground, schema, await targets(ground, schema), tell)
            except BeginAnew as error:
                _logger.warning("%s is begun anew: %s", schema.name, error)
                await drop(ground.pool, schema.name)
            else:
                await rise(ground, schema, tell)
                return schema
        raise Fatal(f"The database crashed {MOST_BEGINNINGS} times during the rebuild.")


async def back(ground: Ground, tell: Tell) -> Schema:
    """Let the schema serve again that served before; it catches up first where it has to.

    Raises NotFound where there is none of this version, Conflict where it gets no more events.
    """
    async with alone(ground.pool, job(ground.view)):
        await same_version(ground)
        name = await ground.pool.fetchval(_FORMER, ground.view.service, ground.view.version)
        if name is None:
            raise NotFound(f"No former schema of {ground.view.service} is kept.")
        schema = await schemas.load(ground.pool, name, ground.prefix)
        await _gets_all(ground, schema)
        await rise(ground, schema, tell, to_the_former=True)
        return schema


async def _gets_all(ground: Ground, schema: Schema) -> None:
    """Raises Conflict for a schema of an earlier generation: nothing is appended there now."""
    present, _ = await schemas.record_topics(
        ground.pool, ground.log, ground.view.topics, ground.prefix
    )
    if earlier := sorted({source.name for source in schema.sources} - {p.name for p in present}):
        raise Conflict(
            f"{schema.name} is folded from {', '.join(earlier)}, to which nothing is appended any "
            f"more; `rapport rebuild {ground.view.service}` folds a new one."
        )


async def cancel(pool: Pool, view: View) -> list[str]:
    """Drop what rebuilds have begun and not ended; the names. Raises Conflict while one runs."""
    async with alone(pool, job(view)):
        names = [row["schema"] for row in await pool.fetch(_BEGUN, view.service, REBUILD)]
        for name in names:
            await drop(pool, name)
        return names


async def drop_kept(pool: Pool, view: View, name: str) -> None:
    """Drop a schema that does not serve.

    Raises NotFound, and Conflict for one that serves, is being built or has workers of its own.
    """
    async with alone(pool, job(view)):
        kept = {each.schema: each for each in await schemas.keeps(pool, view.service)}
        if name not in kept:
            raise NotFound(f"{view.service} keeps no schema {name}.")
        if kept[name].live:
            raise Conflict(f"{name} serves; point back to another one first.")
        if await pool.fetchval(_JUST_SERVED, name, STANDS_BY - STILL_READ):
            raise Conflict(f"{name} served until a moment ago and may still be read; try again.")
        if kept[name].purpose == SERVE and not kept[name].ready:
            raise Conflict(f"{name} is being built by the services.")
        if kept[name].version != view.version and await pool.fetchval(_AT_WORK, name):
            raise Conflict(f"{name} is folded by services of another version.")
        await drop(pool, name)


async def drop(pool: Pool, name: str) -> None:
    """Drop a schema, whatever it is."""
    async with pool.acquire() as connection, connection.transaction():
        await schemas.drop(connection, name)


def job(view: View) -> str:
    """What only one command at a time does."""
    return f"views of {view.service}"


async def targets(ground: Ground, schema: Schema) -> dict[tuple[str, int], int]:
    """How far a schema is filled before it goes on like any other: the ends of the log now."""
    return await schemas.ends(ground.log, schema)


async def fill(ground: Ground, schema: Schema, until: Targets, tell: Tell, sample: int = 1) -> None:
    """Fold a new schema up to the targets, in the fast way. Raises BeginAnew, Fatal."""
    if not await bulk.is_begun(ground.pool, schema.name):
        return
    async with ground.beside(schema, until, sample):
        await stage(ground, schema, until, tell, sample)
    failpoint("rebuild.folded")
    await bulk.finish(ground.pool, ground.view, schema.name, tell)
    failpoint("rebuild.finished")


async def stage(
    ground: Ground, schema: Schema, until: Targets, tell: Tell, sample: int = 1
) -> None:
    """Do some of what is folded before anything is merged; several processes share it.

    Raises BeginAnew, Fatal.
    """
    staging = _Staging(ground.view, schema, sum(until.values()) // sample, sample)
    view = replace(ground.view, fold=staging.fold, ahead=staging, singles=())
    pace = replace(ground.pace, batch=BATCH)
    with suppress(Over):  # an earlier call has begun to finish it already
        await catch_up(replace(ground, view=view, pace=pace), schema, until, tell, staging.check)


async def rise(ground: Ground, schema: Schema, tell: Tell, *, to_the_former: bool = False) -> None:
    """Fold a schema on like any other, and let it serve once it has caught up."""
    promotion = Promotion(ground.pool, ground.log, ground.view, schema, back=to_the_former)
    async with working(ground, schema, None):
        while True:
            if await _serves(ground, schema, promotion, tell):
                return
            await asyncio.sleep(LOOK)


async def _serves(ground: Ground, schema: Schema, promotion: Promotion, tell: Tell) -> bool:
    """One step; False while it is not time or something is away."""
    try:
        async with ground.pool.acquire() as connection:
            await raise_halted(connection, schema)
            left = await ground.view.left(connection, schema.name) if ground.view.left else 0
        progress = await schemas.progress(ground.pool, ground.log, schema)
        tell("catching up", progress.folded, progress.end + left)
        return await promotion.step()
    except (LogUnavailable, *ERRORS) as error:
        if not (isinstance(error, LogUnavailable) or is_transient(error)):
            raise
        _logger.warning("waits: %s", describe(error))
        return False


class _Staging:
    """The fold of a schema that nobody reads yet, told apart by partition."""

    def __init__(self, view: View, schema: Schema, expected: int, sample: int) -> None:
        self._bulk = Bulk(
            *(view, schema.name), expected=expected, partitions=schema.partitions, sample=sample
        )
        self._holdings: dict[int, Holding] = {}
        self._turn = asyncio.Lock()
        self._failure: Fatal | None = None

    async def prepare(self, records: Sequence[Record]) -> tuple[Holding, Batch]:
        """Work out a batch, which is not empty; all of it is of one partition.

        One at a time, so that a processor's cache holds it while others are being written.
        """
        holding = self._holding(records[0])
        async with self._turn:
            return holding, await holding.prepare(records)

    async def write(
        self, connection: Connection, schema: str, prepared: tuple[Holding, Batch]
    ) -> bool:
        """Stage what was prepared; False where it holds no longer."""
        holding, batch = prepared
        with self._keeping_failure():
            return await holding.write(connection, schema, batch)

    async def fold(self, connection: Connection, schema: str, events: Sequence[Event]) -> None:
        """Stage a batch, which is not empty; all of it is of one partition."""
        with self._keeping_failure():
            await self._holding(events[0].record).fold(connection, schema, events)

    def check(self) -> None:
        """Raises what makes going on useless."""
        if self._failure is not None:
            raise self._failure

    def _holding(self, record: Record) -> Holding:
        partition = record.place.partition
        holding = self._holdings.get(partition)
        if holding is None:
            holding = self._holdings[partition] = self._bulk.holding(partition)
        return holding

    @contextmanager
    def _keeping_failure(self) -> Iterator[None]:
        try:
            yield
        except Fatal as error:
            self._failure = error
            raise


async def begun(ground: Ground, purpose: str, sample: int = 1) -> Schema | None:
    """What an earlier command has begun and not ended, if it is of the present topics."""
    sources, _ = await schemas.record_topics(
        ground.pool, ground.log, ground.view.topics, ground.prefix
    )
    for row in await ground.pool.fetch(_BEGUN, ground.view.service, purpose):
        schema = await schemas.load(ground.pool, row["schema"], ground.prefix)
        if (schema.version, schema.sources, row["sample"]) == (
            ground.view.version,
            sources,
            sample,
        ):
            return schema
        await drop(ground.pool, schema.name)
    return None


async def begin(ground: Ground, purpose: str, sample: int = 1) -> Schema:
    """A new schema for the fast way of filling it."""

    async def change(connection: Connection, view: View, name: str) -> None:
        await bulk.begin(connection, view, name)
        await connection.execute("UPDATE schemas SET sample = $2 WHERE schema = $1", name, sample)

    return await schemas.begin(ground.pool, ground.log, ground.view, purpose, change, ground.prefix)


async def same_version(ground: Ground) -> None:
    """Raises Conflict where the services that run have another version of the view."""
    live = await ground.pool.fetchval(_LIVE_VERSION, ground.view.service)
    if live != ground.view.version:
        raise Conflict(
            f"The view of {ground.view.service} that serves has version {live}, the code here "
            f"{ground.view.version}: services started with this code build their own."
        )


_BEGUN = """
SELECT schema, sample FROM schemas
WHERE service = $1 AND purpose = $2 AND ready IS NULL ORDER BY number DESC
"""

_FORMER = """
SELECT s.schema FROM schemas s LEFT JOIN live l ON l.schema = s.schema
WHERE s.service = $1 AND s.version = $2 AND s.ready IS NOT NULL AND l.schema IS NULL
ORDER BY s.folded_until DESC NULLS LAST, s.number DESC LIMIT 1
"""

_LIVE_VERSION = """
SELECT s.version FROM live l JOIN schemas s ON s.schema = l.schema WHERE l.service = $1
"""

_JUST_SERVED = """
SELECT folded_until > clock_timestamp() + make_interval(secs => $2) FROM schemas WHERE schema = $1
"""

_AT_WORK = """
SELECT EXISTS (SELECT FROM workers WHERE schema = $1 AND until > clock_timestamp())
"""
