"""From a filled topic into the profile's tables: our worker beside FastStream batch subscribers."""

import sys
from collections.abc import Sequence
from statistics import median

import asyncpg
import msgspec
import uvloop

from bench import events
from bench.consumers import Task, Took
from bench.programs import told
from bench.progress import say
from bench.report import Row, paired
from bench.stage import OWNED, PARTITIONS, Stage
from services.profile.tables import VERSION
from shared.database import in_schema
from shared.errors import Fatal, LogUnavailable
from shared.log import Log, topic_name
from shared.messages import Entry, Record

EVENTS = 120_000
CHUNK = 5_000
TRIES = 5
CONTESTANTS = ("ours", "faststream rows", "faststream fold")
PREFIX = "consume-"
SCHEMA = f"profile_{VERSION}_1"
TOPIC = topic_name(PREFIX, "interactions", 1)


def measure(stage: Stage) -> list[Row]:
    """The same records from the same topic, into a database of its own each time."""
    stage.make_topics("consume", OWNED)
    records = events.records(stage.times(EVENTS, 8_000), PARTITIONS, TOPIC)
    count = sum(map(len, records))
    uvloop.run(_fill(stage.kafka, records))
    found: dict[str, list[Took]] = {name: [] for name in CONTESTANTS}
    for number in range(stage.rounds):
        written = {name: _once(stage, name, number, count, found) for name in CONTESTANTS}
        if len(set(written.values())) != 1:
            raise Fatal(f"The consumers did not write the same rows: {written}.")
    rates = {name: [one.rate for one in found[name]] for name in CONTESTANTS}
    costs = {name: median(one.cost for one in found[name]) for name in CONTESTANTS}
    what, unit = "consume and project", "events/s"
    note = f"CPU of the consumer {costs['ours']:.0f} us/event against {{:.0f}}"
    return [
        paired(
            *(what, unit, rates["ours"], "FastStream batches, pydantic, executemany"),
            rates["faststream rows"],
            aim=2.5,
            note=note.format(costs["faststream rows"]),
        ),
        paired(
            *(what, unit, rates["ours"], "FastStream batches, our decoding and fold"),
            rates["faststream fold"],
            note=note.format(costs["faststream fold"]),
        ),
    ]


def _once(
    stage: Stage, name: str, number: int, count: int, found: dict[str, list[Took]]
) -> tuple[int, ...]:
    """One contestant; what it wrote, in numbers."""
    database = f"consume_{CONTESTANTS.index(name)}_{number}"
    task = Task(stage.kafka, stage.database_of(database), PREFIX, TOPIC, database, count)
    command = [sys.executable, "-m", "bench.consumers", name]
    took = msgspec.json.decode(told(command, msgspec.json.encode(task).decode()), type=Took)
    found[name].append(took)
    say(f"consume, {name}: {took.rate:,.0f} events/s, {took.cost:.1f} us/event")
    return uvloop.run(_written(stage, database))


async def _fill(address: str, records: Sequence[Sequence[Record]]) -> None:
    log = await Log.connect(address)
    for partition, part in enumerate(records):
        for start in range(0, len(part), CHUNK):
            entries = [Entry(r.key or b"", r.value) for r in part[start : start + CHUNK]]
            await log.append(TOPIC, partition, entries)
    await _warm(log)
    await log.close()


async def _warm(log: Log) -> None:
    """Have Kafka make what it keeps offsets in, so that nobody waits for that."""
    reader = log.reader(f"{PREFIX}warm")
    await reader.start({(TOPIC, 0): 0})
    for _ in range(TRIES):
        try:
            await reader.mirror({(TOPIC, 0): 0})
            break
        except LogUnavailable:
            continue
    await reader.close()


async def _written(stage: Stage, database: str) -> tuple[int, ...]:
    connection = await asyncpg.connect(stage.database_of(database))
    rows = await connection.fetch(in_schema(_WRITTEN, SCHEMA))
    await connection.close()
    server = await asyncpg.connect(stage.database_of("postgres"))
    await server.execute(f"DROP DATABASE {database} WITH (FORCE)")
    await server.close()
    return tuple(rows[0])


_WRITTEN = """
SELECT (SELECT count(*) FROM {s}.events), (SELECT count(*) FROM {s}.identifiers),
       (SELECT sum(n) FROM {s}.counts)::bigint, (SELECT sum(amount) FROM {s}.orders)::bigint,
       (SELECT count(*) FROM {s}.pairs)
"""
