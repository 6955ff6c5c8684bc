"""Records handed straight to the fold, beside raw binary COPY of the same events' rows."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import psutil
import uvloop

from bench import events
from bench.programs import cpu, family_cpu
from bench.progress import say
from bench.report import Row, paired
from bench.stage import PARTITIONS, Stage
from services.profile import consumers, resolver
from shared import database, memory, schemas
from shared.clock import monotonic
from shared.consumer import Pace
from shared.database import Pool, in_schema
from shared.errors import Fatal
from shared.folder import Folder
from shared.leases import Leases
from shared.messages import Record
from shared.outcomes import Ok
from shared.schemas import Schema, Source

BATCH = Pace().batch  # the same for all who take part
EVENTS = 60_000
SETTLE_TIMEOUT = 120.0

Records = Sequence[Sequence[Record]]
VIEW = consumers.view("")
_ROOT = Path(database.__file__).resolve().parent.parent
_MIGRATIONS = (_ROOT / "shared" / "migrations", _ROOT / "services" / "profile" / "migrations")


@dataclass
class Found:
    """Events per second by what was done, one figure a round; what the resolver had left."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    backlog: list[int] = field(default_factory=list)
    settling: list[float] = field(default_factory=list)
    costs: dict[str, list[float]] = field(default_factory=dict)  # us of CPU, PostgreSQL's too

    def note(self, name: str, count: int, watch: "Watch") -> None:
        rate, cost = count / watch.seconds, watch.cpu / count * 1e6
        self.rates.setdefault(name, []).append(rate)
        self.costs.setdefault(name, []).append(cost)
        say(f"projection, {name}: {rate:,.0f} events/s, {cost:.1f} us/event of all CPU")


class Watch:
    """Seconds and CPU, ours and PostgreSQL's, of what runs inside."""

    def __init__(self, postgres: int) -> None:
        self._postgres = postgres
        self.seconds = self.cpu = 0.0

    def __enter__(self) -> "Watch":
        self.seconds, self.cpu = monotonic(), self._spent()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds, self.cpu = monotonic() - self.seconds, self._spent() - self.cpu

    def _spent(self) -> float:
        return cpu(psutil.Process()) + family_cpu(self._postgres)


def measure(stage: Stage) -> list[Row]:
    """All tables of the profile, checkpoints and transactions, the resolver beside it and not."""
    records = events.records(stage.times(EVENTS, 8 * BATCH), PARTITIONS, "interactions.1")
    memory.settle()
    return _rows(uvloop.run(_measure(stage, records)))


def _rows(found: Found) -> list[Row]:
    four, one = "binary COPY of event rows, 4 connections", "binary COPY, 1 connection"
    left = f"resolver: {_median(found.backlog):,.0f} rows left, {_median(found.settling):.1f} s"
    costs = {name: _median(values) for name, values in found.costs.items()}
    spent = f"CPU, PostgreSQL's too: {{:.1f}} us/event against {costs['copy 4']:.1f}"
    unit, rates = "events/s", found.rates
    beside, alone = "projection, resolver beside it", "projection, fold alone"
    return [
        paired(beside, unit, rates["beside"], four, rates["copy 4"], aim=0.30, note=left),
        paired(
            beside,
            unit,
            rates["beside"],
            one,
            rates["copy 1"],
            aim=0.30,
            note=spent.format(costs["beside"]),
        ),
        paired(
            alone,
            unit,
            rates["alone"],
            four,
            rates["copy 4"],
            aim=0.40,
            note=spent.format(costs["alone"]),
        ),
        paired(alone, unit, rates["alone"], one, rates["copy 1"], aim=0.40),
        paired(
            *("the least: decoded, rows made", unit, rates["least"], one, rates["copy 1"]),
            note="what a fold in one process cannot leave out; nothing encoded or written",
        ),
    ]


async def _measure(stage: Stage, records: Records) -> Found:
    found, postgres = Found(), stage.pid("postgres")
    async with opened(stage.database_of("projection")) as pool:
        copies = await _encoded(pool, records)
        for _ in range(stage.rounds):
            await _fold(pool, records, postgres, "beside", found, beside=True)
            await _copy(pool, copies, postgres, "copy 4", found)
            await _fold(pool, records, postgres, "alone", found, beside=False)
            await _copy(pool, [[b for part in copies for b in part]], postgres, "copy 1", found)
            _fold_in_memory(records, postgres, found)
    return found


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Pool]:
    """A database as the service profile has it, without view schemas."""
    await database.ensure_database(url)
    pool = await database.connect(url)
    try:
        await database.migrate(pool, *_MIGRATIONS)
        yield pool
    finally:
        pool.terminate()


async def made(pool: Pool, service: str) -> Schema:
    """An empty view schema, as of a service of that name."""
    sources = tuple(Source(topic, 1, f"{topic}.1") for topic in sorted(VIEW.topics))
    async with pool.acquire() as connection, connection.transaction():
        return await schemas.make(connection, replace(VIEW, service=service), sources, PARTITIONS)


async def fold_all(pool: Pool, schema: Schema, records: Records) -> None:
    """Fold all partitions at once, as consumers do: a batch is decoded while one is written."""
    folders = [Folder(pool, VIEW, schema, n, 1) for n in range(len(records))]
    await asyncio.gather(*(_fold_one(*both) for both in zip(folders, records, strict=True)))


async def _fold_one(folder: Folder, records: Sequence[Record]) -> None:
    await folder.take_over()
    starts = range(0, len(records), BATCH)
    ahead = asyncio.create_task(folder.decode(records[:BATCH]))
    for start in starts:
        items = await ahead
        following = records[start + BATCH : start + 2 * BATCH]
        ahead = asyncio.create_task(folder.decode(following))
        outcome = await folder.write(items)
        if not isinstance(outcome, Ok) or folder.parked_events:
            raise Fatal(f"The bench's own events do not fold: {outcome}.")
    await ahead


async def _fold(
    pool: Pool, records: Records, postgres: int, name: str, found: Found, *, beside: bool
) -> None:
    schema = await made(pool, name)
    await _calm(pool)
    resolving = asyncio.create_task(_resolve(pool, schema)) if beside else None
    with Watch(postgres) as watch:
        await fold_all(pool, schema, records)
    found.note("beside" if beside else "alone", sum(map(len, records)), watch)
    if resolving is not None:
        found.backlog.append(await _pending(pool, schema))
        found.settling.append(await _settled(pool, schema, resolving))
        resolving.cancel()
        await asyncio.wait([resolving])
    await pool.execute(f"DROP SCHEMA {schema.name} CASCADE")


def _fold_in_memory(records: Records, postgres: int, found: Found) -> None:
    """Decode the records and make all rows, of events and of what follows from them."""
    make = VIEW.projection
    with Watch(postgres) as watch:
        for part in records:
            for start in range(0, len(part), BATCH):
                events = [VIEW.decode(one) for one in part[start : start + BATCH]]
                recorded = [make.record(event) for event in events]
                rows = make.project(events)
                del recorded, rows
    found.note("least", sum(map(len, records)), watch)


async def _resolve(pool: Pool, schema: Schema) -> None:
    leases = Leases(pool, schema.name, "bench", 3600)
    await pool.execute("INSERT INTO leases (schema, unit) VALUES ($1, 'resolver')", schema.name)
    change = await leases.beat(["resolver"])
    await resolver.run(pool, change.gained[0])


async def _pending(pool: Pool, schema: Schema) -> int:
    count: int = await pool.fetchval(in_schema("SELECT count(*) FROM {s}.pending", schema.name))
    return count


async def _settled(pool: Pool, schema: Schema, resolving: asyncio.Task[None]) -> float:
    """Seconds until nothing is pending."""
    began = monotonic()
    while await _pending(pool, schema):
        if resolving.done():
            resolving.result()
        if monotonic() - began > SETTLE_TIMEOUT:
            raise Fatal(f"The resolver did not settle within {SETTLE_TIMEOUT:.0f} s.")
        await asyncio.sleep(0.05)
    return monotonic() - began


async def _calm(pool: Pool) -> None:
    """Even ground for whoever comes next: nothing of the last one is still to be written."""
    await pool.execute("CHECKPOINT")


# The limit: the very rows that the fold made, in the order in which their events came.

_HEAD, _END = 19, b"\xff\xff"  # of PostgreSQL's binary COPY format


async def _encoded(pool: Pool, records: Records) -> list[list[bytes]]:
    """Per partition, the COPY data of each batch."""
    schema = await made(pool, "limit")
    await fold_all(pool, schema, records)
    out = BytesIO()
    async with pool.acquire() as connection:
        columns = f"SELECT position, e.* FROM {schema.name}.events e"
        await connection.copy_from_query(columns, output=out, format="binary")
    rows = _split(out.getvalue())
    await pool.execute(f"CREATE TABLE bench_rows (LIKE {schema.name}.events INCLUDING ALL)")
    head = out.getvalue()[:_HEAD]
    return [
        [
            head + b"".join(rows[r.place.position()] for r in part[n : n + BATCH]) + _END
            for n in range(0, len(part), BATCH)
        ]
        for part in records
    ]


def _split(copied: bytes) -> dict[str, bytes]:
    """Rows as they stand in COPY data, by their first column, which is left out."""
    rows, at = {}, _HEAD
    while (columns := struct.unpack_from(">h", copied, at)[0]) != -1:
        length = struct.unpack_from(">i", copied, at + 2)[0]
        start = at + 6 + length
        position, at = copied[at + 6 : start].decode(), start
        for _ in range(columns - 1):
            at += 4 + max(0, struct.unpack_from(">i", copied, at)[0])
        rows[position] = struct.pack(">h", columns - 1) + copied[start:at]
    return rows


async def _copy(
    pool: Pool, parts: Sequence[Sequence[bytes]], postgres: int, name: str, found: Found
) -> None:
    await pool.execute("TRUNCATE bench_rows")
    await _calm(pool)
    connections = [await pool.acquire() for _ in parts]
    with Watch(postgres) as watch:
        await asyncio.gather(*(_copy_one(*both) for both in zip(connections, parts, strict=True)))
    for connection in connections:
        await pool.release(connection)
    count = await pool.fetchval("SELECT count(*) FROM bench_rows")
    found.note(name, count, watch)


async def _copy_one(connection: database.Connection, batches: Sequence[bytes]) -> None:
    for batch in batches:
        await connection.copy_to_table("bench_rows", source=BytesIO(batch), format="binary")


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
