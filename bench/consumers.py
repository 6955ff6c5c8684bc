"""Consumers, each in a process of its own: `python -m bench.consumers NAME` with a Task on stdin.

Says `ready`, waits for `go`, consumes until all is committed, says what that took.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import psutil
import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

from bench.executemany import Interaction, write
from bench.programs import cpu
from bench.projection import BATCH, opened
from services.profile.consumers import view
from shared import memory
from shared.clock import monotonic
from shared.database import Pool
from shared.errors import Fatal
from shared.log import Log
from shared.messages import Place, Record
from shared.schemas import Schema, prepare
from shared.worker import Worker

TIMEOUT = 60.0
"""Seconds after which a consumer is given up."""


class Task(msgspec.Struct):
    """What is to be consumed, and where it is to be written."""

    kafka: str
    database: str
    prefix: str
    topic: str
    group: str
    count: int


class Took(msgspec.Struct):
    """From the first commit to the last, so that nobody's start counts."""

    events: int
    seconds: float
    cpu: float  # seconds of this process

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU per event."""
        return self.cpu / self.events * 1e6


class Progress:
    """How much was committed when."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = asyncio.Event()
        self._process = psutil.Process()
        self._first: tuple[int, float, float] | None = None
        self.took: Took | None = None
        self.error: Exception | None = None

    def note(self, committed: int) -> None:
        """So many events by now."""
        if not committed or self.took is not None:
            return
        now = (committed, monotonic(), cpu(self._process))
        first = self._first
        if first is None:
            self._first = now
        elif committed >= self.count:
            self.took = Took(now[0] - first[0], now[1] - first[1], now[2] - first[2])
            self.done.set()

    def fail(self, error: Exception) -> None:
        """It cannot be done."""
        self.error = error
        self.done.set()


_logger = logging.getLogger("bench.faststream")  # says why it fails, on stderr

Consume = Callable[[Pool, Schema, Task, Progress], Awaitable[None]]


async def ours(pool: Pool, schema: Schema, task: Task, progress: Progress) -> None:
    """The runtime: leases, checkpoints, four partitions at once."""
    log = await Log.connect(task.kafka)
    worker = Worker(pool, log, view(task.prefix), schema, prefix=task.prefix)
    running = asyncio.create_task(worker.run())
    while not progress.done.is_set():
        progress.note(_folded(worker))
        await asyncio.sleep(0.005)
    worker.stop()
    await running
    await log.close()


def _folded(worker: Worker) -> int:
    return sum(consumer.folder.at.folded for consumer in worker.consumers)


async def faststream_fold(pool: Pool, schema: Schema, task: Task, progress: Progress) -> None:
    """FastStream reads batches and acknowledges; our own decoding and fold write."""
    chosen = view(task.prefix)

    async def fold(messages: tuple[Any, ...]) -> None:
        events = [
            chosen.decode(Record(Place(m.topic, m.partition, m.offset), m.key, m.value))
            for m in messages
        ]
        async with pool.acquire() as connection, connection.transaction():
            await chosen.fold(connection, schema.name, events)

    await _faststream(task, progress, fold)


async def faststream_rows(pool: Pool, schema: Schema, task: Task, progress: Progress) -> None:
    """FastStream reads batches; pydantic decodes; executemany writes; then it acknowledges."""

    async def fold(messages: tuple[Any, ...]) -> None:
        batch = [
            (Interaction.model_validate_json(m.value), m.topic, m.partition, m.offset)
            for m in messages
        ]
        async with pool.acquire() as connection, connection.transaction():
            await write(connection, schema.name, batch)

    await _faststream(task, progress, fold)


async def _faststream(
    task: Task, progress: Progress, fold: Callable[[tuple[Any, ...]], Awaitable[None]]
) -> None:
    broker, committed = KafkaBroker(task.kafka, logger=_logger), 0

    @broker.subscriber(  # type: ignore[untyped-decorator]
        task.topic,
        batch=True,
        group_id=task.group,
        auto_offset_reset="earliest",
        max_records=BATCH,
        ack_policy=AckPolicy.MANUAL,
        decoder=_undecoded,
    )
    async def subscriber(bodies: list[Any], message: KafkaMessage) -> None:
        nonlocal committed
        try:
            await fold(message.raw_message)
        except Exception as error:  # FastStream would go on with the next batch
            progress.fail(error)
            raise
        await message.ack()
        committed += len(message.raw_message)
        progress.note(committed)

    await broker.start()
    await progress.done.wait()
    await broker.stop()


async def _undecoded(message: Any) -> Any:
    """What FastStream would decode for itself is left to the fold."""
    return message.body


CONSUMERS: dict[str, Consume] = {
    "ours": ours,
    "faststream fold": faststream_fold,
    "faststream rows": faststream_rows,
}


async def run(name: str, task: Task) -> Took:
    """Prepare, say so, consume."""
    loop = asyncio.get_running_loop()
    async with opened(task.database) as pool:
        log = await Log.connect(task.kafka)
        schema = await prepare(pool, log, view(task.prefix), task.prefix)
        await log.close()
        memory.settle()
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        progress = Progress(task.count)
        async with asyncio.timeout(TIMEOUT):
            await CONSUMERS[name](pool, schema, task, progress)
        if progress.took is None:
            raise Fatal(f"{name} failed: {progress.error!r}")
        return progress.took


def main() -> None:
    task = msgspec.json.decode(sys.stdin.readline(), type=Task)
    print(msgspec.json.encode(uvloop.run(run(sys.argv[1], task))).decode(), flush=True)


if __name__ == "__main__":
    main()
