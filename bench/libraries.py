"""The same rows by the libraries one would take: `python -m bench.libraries NAME`, a Task on stdin.

Says `ready`, waits for `go`, says what it took from the first commit to the last. Needs what
`pip install rapport[bench]` installs.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec
import psutil
import uvloop
from bytewax import operators
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from bench.consumers import Task, Took
from bench.executemany import Interaction, statements, write
from bench.programs import cpu
from bench.projection import BATCH, opened
from services.profile.consumers import view
from shared import memory
from shared.clock import monotonic
from shared.database import in_schema
from shared.log import Log
from shared.schemas import prepare

TIMEOUT = 300.0
"""Seconds after which a library is given up."""

SAVED = 100
"""Events saved together: thousands fill both ends of its pipeline, and neither reads."""


class Clock:
    """From the first commit to the last."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._first: tuple[int, float, float] | None = None
        self._last = (0, 0.0, 0.0)
        self.events = 0

    def note(self, committed: int) -> None:
        """So many more."""
        self.events += committed
        self._last = (self.events, monotonic(), cpu(self._process))
        self._first = self._first or self._last

    def took(self) -> Took:
        first, last = self._first or self._last, self._last
        return Took(last[0] - first[0], last[1] - first[1], last[2] - first[2])


async def prepared(task: Task) -> str:
    """The name of an empty view schema."""
    async with opened(task.database) as pool:
        log = await Log.connect(task.kafka)
        schema = await prepare(pool, log, view(task.prefix), task.prefix)
        await log.close()
        return schema.name


# bytewax: pydantic decodes, executemany writes.


class Rows(DynamicSink[KafkaSourceMessage[Any, Any]]):  # type: ignore[misc]
    """Writes each batch in a transaction."""

    def __init__(self, url: str, schema: str, clock: Clock) -> None:
        self._made = url, schema, clock

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "Writer":
        return Writer(*self._made)


class Writer(StatelessSinkPartition[KafkaSourceMessage[Any, Any]]):  # type: ignore[misc]
    """One worker's connection."""

    def __init__(self, url: str, schema: str, clock: Clock) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(asyncpg.connect(url))
        self._schema = schema
        self._clock = clock

    def write_batch(self, items: list[KafkaSourceMessage[Any, Any]]) -> None:
        batch = [
            (
                Interaction.model_validate_json(m.value),
                m.topic or "",
                m.partition or 0,
                m.offset or 0,
            )
            for m in items
        ]
        self._loop.run_until_complete(self._write(batch))
        self._clock.note(len(batch))

    async def _write(self, batch: Sequence[Any]) -> None:
        async with self._connection.transaction():
            await write(self._connection, self._schema, batch)

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())


def with_bytewax(task: Task, schema: str, go: Callable[[], None]) -> Took:
    clock, flow = Clock(), Dataflow("rows")
    source = KafkaSource([task.kafka], [task.topic], tail=False, batch_size=BATCH)
    operators.output(
        "write", operators.input("read", flow, source), Rows(task.database, schema, clock)
    )
    go()
    run_main(flow)
    return clock.took()


# eventsourcing: the records are events of its own store, a projection of its own writes the rows.


class Happening(Aggregate):  # type: ignore[misc]
    """One record of the topic."""

    @event("Happened")  # type: ignore[untyped-decorator]
    def __init__(self, record: str, place: list[Any]) -> None:
        self.record = record
        self.place = place


class Rowing(PostgresTrackingRecorder):  # type: ignore[misc]
    """The rows, with the place in the store in the same transaction."""

    schema = ""
    clock: Clock

    def fold(self, happened: Any, tracking: Tracking) -> None:
        one = Interaction.model_validate_json(happened.record)
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            for sql, rows in statements([(one, *happened.place)]):
                for row in rows:
                    cursor.execute(*_named(in_schema(sql, self.schema), row), prepare=True)
        self.clock.note(1)


def _named(sql: str, row: Sequence[object]) -> tuple[Any, dict[str, object]]:
    """A statement with `$1` as one with `%(p1)s`."""
    named = {f"p{n}": value for n, value in enumerate(row, 1)}
    return re.sub(r"\$(\d+)", r"%(p\1)s", sql), named


class Rowed(Projection[Rowing]):  # type: ignore[misc]
    """Every event of the store."""

    name = "rowed"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.fold(domain_event, tracking)


def with_eventsourcing(task: Task, schema: str, go: Callable[[], None]) -> Took:
    parts = urlsplit(task.database)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.strip("/"),
        "POSTGRES_HOST": parts.hostname or parse_qs(parts.query)["host"][0],
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "none",
    }
    application = Application[Any](environment)
    happened, last = _happenings(task), 0
    for at in range(0, len(happened), SAVED):
        last = application.save(*happened[at : at + SAVED])[-1].notification.id
    Rowing.schema, Rowing.clock = schema, Clock()
    go()
    with ProjectionRunner(
        application_class=Application,
        projection_class=Rowed,
        view_class=Rowing,
        env=environment,
    ) as runner:
        runner.wait(last, timeout=TIMEOUT)
    application.close()
    return Rowing.clock.took()


def _happenings(task: Task) -> list[Happening]:
    """As many records as are asked for, from the first partition of the topic."""
    consumer = Consumer({"bootstrap.servers": task.kafka, "group.id": task.group})
    consumer.assign([TopicPartition(task.topic, 0, OFFSET_BEGINNING)])
    found = consumer.consume(task.count, timeout=60.0)
    consumer.close()
    return [Happening(m.value().decode(), [m.topic(), m.partition(), m.offset()]) for m in found]


LIBRARIES = {"bytewax": with_bytewax, "eventsourcing": with_eventsourcing}


def go() -> None:
    """Say that all is ready and wait for the word."""
    memory.settle()
    print("ready", flush=True)
    sys.stdin.readline()


def main() -> None:
    task = msgspec.json.decode(sys.stdin.readline(), type=Task)
    took = LIBRARIES[sys.argv[1]](task, uvloop.run(prepared(task)), go)
    print(msgspec.json.encode(took).decode(), flush=True)


if __name__ == "__main__":
    main()
