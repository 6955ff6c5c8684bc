"""View schemas: finding or making the one of this code, and saying which one serves."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.clock import monotonic
from shared.database import Connection, Pool, ddl, in_schema, is_transient
from shared.errors import Fatal
from shared.leases import partition_unit, register
from shared.log import Log, topic_name
from shared.projection import View
from shared.tables import runtime


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


class Progress(NamedTuple):
    """How far a schema has come: events passed and events there are."""

    folded: int
    end: int


async def prepare(pool: Pool, log: Log, view: View, prefix: str = "") -> Schema:
    """The newest schema of this view's version, made where there is none.

    The very first schema of a service serves at once; any other when it has caught up. Raises Fatal
    where the topics are not as they were recorded, LogUnavailable, and what asyncpg raises.
    """
    sources, partitions = await record_topics(pool, log, view.topics, prefix)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCK, view.service)
        number = await connection.fetchval(_NEWEST, view.service, view.version)
        name = f"{view.service}_{view.version}_{number or 1}"
        if number is None:
            await make(connection, view, name)
        await complete(connection, name, sources, partitions)
    return Schema(name, view.version, number or 1, sources, partitions)


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
        generation = row["generation"] if row else 1
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


async def make(connection: Connection, view: View, name: str) -> None:
    """Make an empty schema and register it; a service's first one serves at once."""
    for statement in [*ddl(view.metadata, name), *ddl(runtime, name)[1:]]:
        await connection.execute(statement)
    await connection.execute(
        "INSERT INTO schemas (schema, service, version, number)"
        " VALUES ($1, $2, $3, split_part($1, '_', -1)::integer)",
        name,
        view.service,
        view.version,
    )
    first = await connection.fetchval(
        "INSERT INTO live (service, schema) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        " RETURNING schema",
        view.service,
        name,
    )
    if first:
        await connection.execute(_READY, name)


async def complete(
    connection: Connection, name: str, sources: Collection[Source], partitions: int
) -> None:
    """Checkpoints at the start of the log and free leases, where there are none yet."""
    await connection.execute(
        in_schema(_CHECKPOINTS, name),
        [source.topic for source in sources],
        [source.generation for source in sources],
        partitions,
    )
    await register(connection, name, [partition_unit(n) for n in range(partitions)])


async def live_schema(pool: Pool, service: str, version: int) -> str | None:
    """The schema that a reader of this version reads; None while it is still being built."""
    found: str | None = await pool.fetchval(_SERVING, service, version)
    return found


async def is_live(connection: Connection | Pool, service: str, schema: str) -> bool:
    """Whether the service's `live` row points to this schema."""
    found = await connection.fetchval(_LIVE, service)
    return bool(found == schema)


class Serving:
    """Which schema a reader of this code reads: looked up at most once a second, kept when away."""

    def __init__(self, pool: Pool, view: View, *, fresh: float = 1.0) -> None:
        self._pool = pool
        self._view = view
        self._fresh = fresh
        self._schema: str | None = None
        self._until = 0.0

    async def schema(self) -> str | None:
        """Its name; None while it is still being built. Raises what asyncpg raises."""
        if self._schema is None or monotonic() >= self._until:
            try:
                self._schema = await live_schema(self._pool, self._view.service, self._view.version)
                self._until = monotonic() + self._fresh
            except Exception as error:
                if self._schema is None or not is_transient(error):
                    raise
        return self._schema


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


async def progress(pool: Pool, log: Log, schema: Schema) -> Progress:
    """How far a schema has come. Raises LogUnavailable, and what asyncpg raises."""
    folded = await positions(pool, schema)
    return Progress(sum(folded.values()), sum((await ends(log, schema)).values()))


class Promotion:
    """Lets a schema serve once it has caught up: with the ends of the log, the live one, resolved.

    Both are looked at once and then reached, so that a steady stream of events cannot put it off.
    """

    def __init__(self, pool: Pool, log: Log, view: View, schema: Schema) -> None:
        self._pool = pool
        self._log = log
        self._view = view
        self._schema = schema
        self._targets: Mapping[tuple[str, int], int] | None = None
        self._met_live = False

    async def step(self) -> bool:
        """Promote the schema if it is time; True when it serves its readers.

        `live` moves to a newer version; to an older one (the code was taken back) only when nobody
        works on the live schema any more.
        """
        if await is_live(self._pool, self._view.service, self._schema.name):
            return True
        if self._targets is None:
            self._targets = await ends(self._log, self._schema)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK, self._view.service)
            if not await self._caught_up(connection, self._targets):
                return False
            await connection.execute(_READY, self._schema.name)
            await connection.execute(
                _PROMOTE, self._view.service, self._schema.name, self._schema.version
            )
        return True

    async def _caught_up(
        self, connection: Connection, targets: Mapping[tuple[str, int], int]
    ) -> bool:
        folded = await positions(connection, self._schema)
        if not _reached(folded, targets):
            return False
        if not self._met_live:
            self._targets = targets = await self._live_positions(connection)
            self._met_live = True
        if not _reached(folded, targets):
            return False
        settled = self._view.settled
        return settled is None or await settled(connection, self._schema.name)

    async def _live_positions(self, connection: Connection) -> dict[tuple[str, int], int]:
        live = await connection.fetchval(_LIVE, self._view.service)
        return await positions(connection, replace(self._schema, name=live)) if live else {}


def _reached(folded: Mapping[tuple[str, int], int], targets: Mapping[tuple[str, int], int]) -> bool:
    return all(folded.get(place, target) >= target for place, target in targets.items())


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('rapport schemas ' || $1, 0))"

_LIVE = "SELECT schema FROM live WHERE service = $1"

_NEWEST = "SELECT max(number) FROM schemas WHERE service = $1 AND version = $2"

_RECORD = """
INSERT INTO topics (topic, generation, partitions) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

_READY = "UPDATE schemas SET ready = now() WHERE schema = $1 AND ready IS NULL"

_CHECKPOINTS = """
INSERT INTO {s}.checkpoints (topic, generation, partition)
SELECT t.topic, t.generation, n
FROM unnest($1::text[], $2::integer[]) t (topic, generation), generate_series(0, $3 - 1) n
ON CONFLICT DO NOTHING
"""

_POSITIONS = "SELECT topic, generation, partition, next_offset FROM {s}.checkpoints"

_SERVING = """
SELECT s.schema FROM schemas s LEFT JOIN live l ON l.schema = s.schema
WHERE s.service = $1 AND s.version = $2 AND s.ready IS NOT NULL
ORDER BY l.schema IS NULL, s.number DESC LIMIT 1
"""

_PROMOTE = """
UPDATE live SET schema = $2, since = now()
FROM schemas present
WHERE live.service = $1 AND live.schema <> $2 AND present.schema = live.schema
AND (present.version < $3 OR present.version > $3 AND NOT EXISTS (
    SELECT FROM workers w WHERE w.schema = live.schema AND w.until > clock_timestamp()))
"""
