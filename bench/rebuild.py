"""A rebuild beside the ordinary fold of the same topic, a raw COPY of its rows, and libraries."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import median

import asyncpg
import msgspec
import uvloop

from bench import consumers, events, filling
from bench.filling import Task, Took
from bench.programs import told
from bench.progress import say
from bench.projection import Watch
from bench.report import Row, paired
from bench.stage import OWNED, PARTITIONS, Stage
from services.profile import tables
from services.profile.consumers import view
from shared.database import in_schema
from shared.errors import Fatal
from shared.log import Log, topic_name
from shared.messages import Entry, Record

MOST, MANY, FEW = 3_000_000, 1_000_000, 100_000
"""Events of the topic: all, those of most figures, and those that memory is compared with."""

CONTEST, SAVED = 100_000, 3_000
"""Events that other consumers get, and that the `eventsourcing` library gets."""

AGAIN = 0.05
"""The part of the events that comes twice."""

CHUNK = 20_000
ROUNDS = 3
PREFIX, CONTEST_PREFIX = "rebuild-", "contest-"
LIBRARIES = ("bytewax", "eventsourcing")

_LIMIT = "bench_events"


@dataclass
class Found:
    """What each way took, one figure a round."""

    live: list[Took] = field(default_factory=list)
    bulk: list[Took] = field(default_factory=list)
    pair: list[Took] = field(default_factory=list)
    copied: list[float] = field(default_factory=list)  # events per second
    by_size: list[Took] = field(default_factory=list)


def measure(stage: Stage) -> list[Row]:
    """Fill the topics, then fold them again and again, each time in a process of its own."""
    for prefix in (PREFIX, CONTEST_PREFIX):
        stage.make_topics(prefix.rstrip("-"), OWNED)
    sizes = [
        stage.times(size, least) for size, least in ((FEW, 8_000), (MANY, 20_000), (MOST, 40_000))
    ]
    ends = uvloop.run(fill(stage.kafka, PREFIX, sizes[-1], AGAIN))
    found = Found()
    for number in range(ROUNDS if stage.scale >= 1 else 1):
        found.live.append(_fold(stage, "live", number, _until(PREFIX, ends, sizes[1] / sizes[2])))
        found.bulk.append(
            _fold(stage, "bulk", number, _until(PREFIX, ends, sizes[1] / sizes[2]), found)
        )
        found.pair.append(_fold(stage, "pair", number, _until(PREFIX, ends, sizes[1] / sizes[2])))
    for size in (sizes[0], sizes[2]):
        found.by_size.append(_fold(stage, "bulk", size, _until(PREFIX, ends, size / sizes[2])))
    return [*_rows(found), *_sizes(found), *_contest(stage)]


def _rows(found: Found) -> list[Row]:
    what, unit = "rebuild", "events/s"
    rates, live = [took.rate for took in found.bulk], [took.rate for took in found.live]
    pair = "rebuild by two processes", unit, [took.rate for took in found.pair]
    return [
        paired(
            *(what, unit, rates, "the ordinary fold of the same topic"),
            live,
            aim=2.0,
            note=f"us/event {_costs(found.bulk)} against {_costs(found.live)}",
        ),
        paired(
            *(what, unit, rates, "binary COPY of event rows, then their key"),
            found.copied,
            aim=0.35,
        ),
        paired(
            *(*pair, "the ordinary fold of the same topic"),
            live,
            aim=2.0,
            note=f"us/event {_costs(found.pair)}",
        ),
        paired(*pair, "by one", rates),
    ]


def _costs(took: Sequence[Took]) -> str:
    """CPU of Python and of PostgreSQL."""
    ours = median(one.cpu / one.events * 1e6 for one in took)
    return f"{ours:.1f} + {median(one.postgres / one.events * 1e6 for one in took):.1f}"


def _sizes(found: Found) -> list[Row]:
    """How it grows from few events to most."""
    few, most = found.by_size
    speed = Row(
        *(f"rebuild of {most.events:,}", "events/s", most.rate, f"rebuild of {few.events:,}"),
        *(few.rate, most.rate / few.rate),
        aim=0.9,
    )
    growth = max(most.memory - few.memory, most.server_memory - few.server_memory)
    memory = Row(
        *(f"memory, {most.events:,} events", "MB more", growth, f"{few.events:,} events"),
        *(None, None),
        aim=100.0,
        at_most=True,
        note=f"ours {few.memory:.0f} -> {most.memory:.0f} MB, the largest of PostgreSQL's "
        f"{few.server_memory:.0f} -> {most.server_memory:.0f} MB without what all share",
    )
    return [speed, memory]


# The topic


async def fill(address: str, prefix: str, count: int, again: float) -> list[int]:
    """Append so many records, some of them twice; the ends of the partitions."""
    topic, random, ends = topic_name(prefix, "interactions", 1), Random(count), [0] * PARTITIONS
    log = await Log.connect(address)
    for first in range(0, count, CHUNK):
        made = min(CHUNK, count - first)
        parts = events.records(made, PARTITIONS, topic, users=count // 3, first=first)
        for partition, part in enumerate(parts):
            part += random.sample(part, int(len(part) * again))
            ends[partition] += len(part)
            await log.append(topic, partition, _entries(part))
        if first % 500_000 == 0:
            say(f"rebuild, {first + made:,} of {count:,} events are in the topic")
    await log.close()
    return ends


def _entries(part: Sequence[Record]) -> list[Entry]:
    return [Entry(record.key or b"", record.value) for record in part]


def _until(prefix: str, ends: Sequence[int], part: float) -> list[tuple[str, int, int]]:
    """The same part of each partition of `interactions`; nothing of the other topics."""
    return [
        (topic_name(prefix, name, 1), n, int(end * part) if name == "interactions" else 0)
        for name in view(prefix).topics
        for n, end in enumerate(ends)
    ]


# The ways


def _fold(
    stage: Stage,
    way: str,
    number: int,
    until: list[tuple[str, int, int]],
    limit: Found | None = None,
) -> Took:
    """Fold in a database of its own, dropped afterwards; the raw COPY of its rows, if asked for."""
    database = f"rebuild_{way}_{number}"
    task = Task(stage.kafka, stage.database_of(database), PREFIX, stage.pid("postgres"), until)
    command = [sys.executable, "-m", filling.__name__, way]
    took = msgspec.json.decode(told(command, msgspec.json.encode(task).decode()), type=Took)
    say(
        f"rebuild, {way} of {took.events:,}: {took.rate:,.0f} events/s, {took.staged:.1f} of"
        f" {took.seconds:.1f} s until all is read, us/event {_costs([took])}, {took.memory:.0f} MB"
    )
    if limit is not None:
        limit.copied.append(uvloop.run(_copy(stage, task.database, took)))
    uvloop.run(_drop(stage, database))
    return took


async def _copy(stage: Stage, database: str, took: Took) -> float:
    """Events per second of a binary COPY of the event rows, and of the index of their key."""
    file = Path(stage.folder) / "events.copy"
    connection = await asyncpg.connect(database)
    try:
        await connection.copy_from_table(
            "events", schema_name=took.schema, output=file, format="binary", timeout=600.0
        )
        await connection.execute(in_schema(_MAKE_LIMIT, took.schema))
        await connection.execute("CHECKPOINT")
        with Watch(stage.pid("postgres")) as watch:
            await connection.copy_to_table(_LIMIT, source=file, format="binary", timeout=600.0)
            await connection.execute(_INDEX_LIMIT, timeout=600.0)
    finally:
        await connection.close()
        file.unlink(missing_ok=True)
    say(f"rebuild, COPY and key: {took.events / watch.seconds:,.0f} events/s")
    return took.events / watch.seconds


async def _drop(stage: Stage, database: str) -> None:
    server = await asyncpg.connect(stage.database_of("postgres"))
    await server.execute(f"DROP DATABASE {database} WITH (FORCE)")
    await server.close()


# Others who write the same rows


def _contest(stage: Stage) -> list[Row]:
    """Consumers that write the same rows from a topic without copies: they look for none."""
    count, saved = stage.times(CONTEST, 8_000), stage.times(SAVED, 500)
    ends = uvloop.run(fill(stage.kafka, CONTEST_PREFIX, count, 0.0))
    topic = topic_name(CONTEST_PREFIX, "interactions", 1)
    until = _until(CONTEST_PREFIX, ends, 1.0)
    ours = _contender(stage, until)
    rows = []
    for name, against, size, aim in (
        ("faststream rows", "FastStream batches, pydantic, executemany", count, 2.0),
        ("bytewax", "bytewax batches, pydantic, executemany", count, 2.0),
        ("eventsourcing", "a projection of the eventsourcing library", saved, 20.0),
    ):
        if name in LIBRARIES and find_spec(name) is None:
            say(f"rebuild, {name} is not installed: pip install rapport[bench]")
            continue
        rate = _library(stage, name, topic, size)
        rows.append(paired("rebuild", "events/s", [ours.rate], against, [rate], aim=aim))
    return rows


def _contender(stage: Stage, until: list[tuple[str, int, int]]) -> Took:
    task = Task(
        *(stage.kafka, stage.database_of("contest_ours"), CONTEST_PREFIX, stage.pid("postgres")),
        until,
    )
    command = [sys.executable, "-m", filling.__name__, "bulk"]
    took = msgspec.json.decode(told(command, msgspec.json.encode(task).decode()), type=Took)
    say(f"rebuild, ours of {took.events:,}: {took.rate:,.0f} events/s")
    uvloop.run(_drop(stage, "contest_ours"))
    return took


def _library(stage: Stage, name: str, topic: str, count: int) -> float:
    """Events per second, once all of them are there."""
    database = f"contest_{name.replace(' ', '_')}"
    module = "bench.libraries" if name in LIBRARIES else consumers.__name__
    task = consumers.Task(
        *(stage.kafka, stage.database_of(database), CONTEST_PREFIX, topic, database, count)
    )
    line = told([sys.executable, "-m", module, name], msgspec.json.encode(task).decode())
    took = msgspec.json.decode(line, type=consumers.Took)
    say(f"rebuild, {name}: {took.rate:,.0f} events/s, {took.cost:.1f} us/event")
    written = uvloop.run(_written(task.database))
    if written != count:
        raise Fatal(f"{name} wrote {written} of {count} events.")
    uvloop.run(_drop(stage, database))
    return took.rate


async def _written(database: str) -> int:
    connection = await asyncpg.connect(database)
    schema = f"profile_{tables.VERSION}_1"
    count: int = await connection.fetchval(in_schema("SELECT count(*) FROM {s}.events", schema))
    await connection.close()
    return count


_MAKE_LIMIT = f"CREATE TABLE {_LIMIT} (LIKE {{s}}.events)"

_INDEX_LIMIT = f"ALTER TABLE {_LIMIT} ADD PRIMARY KEY (subject, event)"
