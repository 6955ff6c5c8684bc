"""View schemas: finding or making the one of this code, and saying which one serves."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from shared.database import Connection, Pool, ddl, in_schema
from shared.errors import Fatal, NotFound
from shared.generations import first_seen
from shared.leases import partition_unit, register
from shared.log import Log, Positions, topic_name
from shared.projection import View
from shared.tables import runtime

SERVE, REBUILD, VERIFY = "serve", "rebuild", "verify"
"""Purposes of a schema: folded by the services, or by the command that made it."""


def policies_of(service: str) -> str:
    """The name under which the schemas of a service's policies are kept."""
    return f"{service}_policies"


Change = Callable[[Connection, View, str], Awaitable[None]]
"""Makes something else of a schema that was just made, in the same transaction."""


class Source(NamedTuple):
    """A topic that a view is folded from: its name, the present generation, its name in Kafka."""

    topic: str
    generation: int
    name: str


@dataclass(frozen=True)
class Schema:
    """A view schema, and what it is folded from."""

    name: str
    version: int
    number: int
    sources: tuple[Source, ...]
    partitions: int


@dataclass(frozen=True)
class Kept:
    """A schema as it is kept: what it is for and whether it serves."""

    schema: str
    version: int
    purpose: str
    live: bool
    ready: bool
    stands_by: bool


class Progress(NamedTuple):
    """How far a schema has come: events passed and events there are."""

    folded: int
    end: int


async def prepare(
    pool: Pool, log: Log, view: View, prefix: str = "", at: Positions | None = None
) -> Schema:
    """The schema of this view's version and of the present topics, made where there is none.

    The very first schema of a service serves at once; any other when it has caught up. One that is
    made begins at the start of the log, or `at` these positions. Raises Fatal where the topics are
    not as they were recorded, LogUnavailable, and what asyncpg raises.
    """
    sources, partitions = await record_topics(pool, log, view.topics, prefix)
    async with pool.acquire() as connection, connection.transaction():
        await lock(connection, view.service)
        if found := await find(connection, view, sources, prefix):
            return found
        made = await make(connection, view, sources, partitions)
        await move(connection, made, at or {})
        return made


async def find(
    connection: Connection | Pool, view: View, sources: Collection[Source], prefix: str = ""
) -> Schema | None:
    """The schema of this view's version that is folded from these, the live one before others."""
    for row in await connection.fetch(_CANDIDATES, view.service, view.version):
        found = await load(connection, row["schema"], prefix)
        if found.sources == sources:
            return found
    return None


async def begin(
    pool: Pool, log: Log, view: View, purpose: str, change: Change, prefix: str = ""
) -> Schema:
    """A new schema that a command folds, changed as it wants it. Raises as `prepare`."""
    sources, partitions = await record_topics(pool, log, view.topics, prefix)
    async with pool.acquire() as connection, connection.transaction():
        await lock(connection, view.service)
        schema = await make(connection, view, sources, partitions, purpose)
        await change(connection, view, schema.name)
        return schema


async def record_topics(
    pool: Pool, log: Log, topics: Iterable[str], prefix: str = ""
) -> tuple[tuple[Source, ...], int]:
    """The present generations of the topics and their one number of partitions, as recorded.

    A topic seen for the first time is recorded. Raises Fatal where Kafka has another number.
    """
    sources, numbers = [], {}
    for topic in sorted(topics):
        row = await pool.fetchrow(
            "SELECT generation, partitions FROM topics WHERE topic = $1", topic
        )
        generation = row["generation"] if row else await first_seen(log, prefix, topic)
        source = Source(topic, generation, topic_name(prefix, topic, generation))
        found = await log.partitions(source.name)
        numbers[source.name] = _same(source.name, found, row["partitions"] if row else found)
        if row is None:
            await pool.execute(_RECORD, topic, generation, found)
        sources.append(source)
    if len({*numbers.values()}) != 1:
        raise Fatal(f"Topics must have the same number of partitions, but it is {numbers}.")
    return tuple(sources), next(iter(numbers.values()))


def _same(name: str, found: int | None, recorded: int | None) -> int:
    if found is None:
        raise Fatal(f"The topic {name} is not in Kafka; `rapport topics apply` makes it.")
    if found != recorded:
        raise Fatal(
            f"The topic {name} has {found} partitions in Kafka, but {recorded} are recorded; "
            "another number means another generation: copy it, never change it in place."
        )
    return found


async def make(
    connection: Connection,
    view: View,
    sources: Collection[Source],
    partitions: int,
    purpose: str = SERVE,
) -> Schema:
    """Make an empty schema, register it, and put its checkpoints at the start of the log.

    A service's first one serves at once.
    """
    number = await connection.fetchval(_NEXT, view.service, view.version)
    name = f"{view.service}_{view.version}_{number}"
    for statement in [*ddl(view.metadata, name), *ddl(runtime, name)[1:]]:
        await connection.execute(statement)
    await connection.execute(_REGISTER, name, view.service, view.version, number, purpose)
    if purpose == SERVE and await connection.fetchval(_FIRST, view.service, name):
        await connection.execute(READY, name)
    await connection.execute(
        in_schema(_CHECKPOINTS, name),
        [source.topic for source in sources],
        [source.generation for source in sources],
        partitions,
    )
    await register(connection, name, [partition_unit(n) for n in range(partitions)])
    return Schema(name, view.version, number, tuple(sources), partitions)


async def load(connection: Connection | Pool, name: str, prefix: str = "") -> Schema:
    """A schema that is there. Raises NotFound."""
    row = await connection.fetchrow(_ONE, name)
    if row is None:
        raise NotFound(f"There is no schema {name}.")
    found = await connection.fetch(in_schema(_SOURCES, name))
    sources = tuple(
        Source(topic, generation, topic_name(prefix, topic, generation))
        for topic, generation, _ in found
    )
    return Schema(name, row["version"], row["number"], sources, found[0]["partitions"])


async def drop(connection: Connection, name: str) -> None:
    """Drop a schema and what is noted of it, in the open transaction."""
    await connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
    for table in ("leases", "workers", "retries", "schemas"):
        await connection.execute(f"DELETE FROM {table} WHERE schema = $1", name)


async def keeps(pool: Pool, service: str) -> list[Kept]:
    """Every schema of a service, newest first."""
    return [Kept(*row) for row in await pool.fetch(_KEPT, service)]


async def lock(connection: Connection, service: str) -> None:
    """Keep others from making, dropping and switching a service's schemas until the end of the
    transaction."""
    await connection.execute(_LOCK, service)


async def live_name(connection: Connection | Pool, service: str) -> str | None:
    """The schema that the service's `live` row points to."""
    found: str | None = await connection.fetchval(_LIVE, service)
    return found


async def is_live(connection: Connection | Pool, service: str, schema: str) -> bool:
    """Whether the service's `live` row points to this schema."""
    return await live_name(connection, service) == schema


async def ends(log: Log, schema: Schema) -> dict[tuple[str, int], int]:
    """The end offset of every (topic in Kafka, partition) of a schema. Raises LogUnavailable."""
    found = {}
    for source in schema.sources:
        offsets = await log.end_offsets(source.name, range(schema.partitions))
        found.update({(source.name, n): offset for n, offset in offsets.items()})
    return found


async def positions(connection: Connection | Pool, schema: Schema) -> dict[tuple[str, int], int]:
    """The next offset of every (topic in Kafka, partition) of a schema."""
    names = {(source.topic, source.generation): source.name for source in schema.sources}
    rows = await connection.fetch(in_schema(_POSITIONS, schema.name))
    return {
        (names[row["topic"], row["generation"]], row["partition"]): row["next_offset"]
        for row in rows
        if (row["topic"], row["generation"]) in names
    }


async def move(connection: Connection, schema: Schema, at: Positions) -> None:
    """Put checkpoints where nobody folds to these next offsets."""
    sources = {source.name: source for source in schema.sources}
    rows = [
        (sources[name].topic, sources[name].generation, partition, offset)
        for (name, partition), offset in at.items()
    ]
    if rows:
        await connection.execute(in_schema(_MOVE, schema.name), *zip(*rows, strict=True))


async def progress(pool: Pool, log: Log, schema: Schema) -> Progress:
    """How far a schema has come. Raises LogUnavailable, and what asyncpg raises."""
    folded = await positions(pool, schema)
    return Progress(sum(folded.values()), sum((await ends(log, schema)).values()))


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('rapport schemas ' || $1, 0))"

_LIVE = "SELECT schema FROM live WHERE service = $1"

_NEXT = """
SELECT coalesce(max(number), 0) + 1 FROM schemas WHERE service = $1 AND version = $2
"""

_ONE = "SELECT version, number FROM schemas WHERE schema = $1"

_SOURCES = """
SELECT topic, generation, count(*)::integer AS partitions FROM {s}.checkpoints
GROUP BY topic, generation ORDER BY topic, generation
"""

_CANDIDATES = """
SELECT s.schema FROM schemas s LEFT JOIN live l ON l.schema = s.schema
WHERE s.service = $1 AND s.version = $2 AND (s.purpose = 'serve' OR s.ready IS NOT NULL)
ORDER BY l.schema IS NULL, s.number DESC
"""

_REGISTER = """
INSERT INTO schemas (schema, service, version, number, purpose) VALUES ($1, $2, $3, $4, $5)
"""

_FIRST = """
INSERT INTO live (service, schema) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING schema
"""

_KEPT = """
SELECT s.schema, s.version, s.purpose, l.schema IS NOT NULL, s.ready IS NOT NULL,
    coalesce(s.folded_until > clock_timestamp(), false)
FROM schemas s LEFT JOIN live l ON l.schema = s.schema
WHERE s.service = $1 ORDER BY s.version DESC, s.number DESC
"""

_RECORD = """
INSERT INTO topics (topic, generation, partitions) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

READY = "UPDATE schemas SET ready = now() WHERE schema = $1 AND ready IS NULL"

_CHECKPOINTS = """
INSERT INTO {s}.checkpoints (topic, generation, partition)
SELECT t.topic, t.generation, n
FROM unnest($1::text[], $2::integer[]) t (topic, generation), generate_series(0, $3 - 1) n
ON CONFLICT DO NOTHING
"""

_MOVE = """
UPDATE {s}.checkpoints c SET next_offset = g.next_offset
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[])
    g (topic, generation, partition, next_offset)
WHERE (c.topic, c.generation, c.partition) = (g.topic, g.generation, g.partition)
"""

_POSITIONS = "SELECT topic, generation, partition, next_offset FROM {s}.checkpoints"
