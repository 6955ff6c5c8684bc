"""One way of folding a filled topic, in a process of its own: `python -m bench.filling WAY`.

A Task on stdin. Says `ready`, waits for `go`, folds up to the given offsets, says what that took.
The ways: `live`, `bulk`, and `pair`: bulk in two processes, the other of which is its `mate`.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import psutil
import uvloop

from bench.programs import cpu, family_cpu
from bench.projection import opened
from services.profile.consumers import view
from shared import memory, rebuilding, schemas
from shared.catchup import Ground, Tell, catch_up
from shared.clock import monotonic
from shared.consumer import Targets
from shared.log import Log
from shared.schemas import REBUILD, Schema

LOOK = 0.25
"""Seconds between two looks at memory."""


class Task(msgspec.Struct):
    """What is to be folded, and where it is to be written."""

    kafka: str
    database: str
    prefix: str
    postgres: int  # process id
    until: list[tuple[str, int, int]]  # topic in Kafka, partition, offset
    schema: str = ""  # where a mate joins in


class Took(msgspec.Struct):
    """What it took, from the first look at the topic to the last commit."""

    schema: str
    events: int
    seconds: float
    staged: float  # seconds until all was read; the rest is merging
    cpu: float  # seconds of this process
    postgres: float  # seconds of PostgreSQL's processes
    memory: float  # MB of this process at most
    server_memory: float  # MB of the largest process of PostgreSQL at most, without what all share

    @property
    def rate(self) -> float:
        return self.events / self.seconds


@dataclass
class Peak:
    """The most memory seen, in bytes."""

    ours: int = 0
    servers: int = 0

    def look(self, postgres: psutil.Process) -> None:
        self.ours = max(self.ours, psutil.Process().memory_info().rss)
        for process in postgres.children():
            try:
                found = process.memory_info()
            except psutil.NoSuchProcess:
                continue
            self.servers = max(self.servers, found.rss - found.shared)


@asynccontextmanager
async def watched(postgres: int) -> AsyncIterator[Peak]:
    """Look at memory now and then while the body runs."""
    peak, server = Peak(), psutil.Process(postgres)

    async def look() -> None:
        while True:
            peak.look(server)
            await asyncio.sleep(LOOK)

    looking = asyncio.create_task(look())
    try:
        yield peak
    finally:
        looking.cancel()
        await asyncio.wait([looking])


Way = Callable[[Ground, Schema, Targets, Tell], Awaitable[None]]


async def run(way: str, task: Task) -> Took:
    """Prepare, say so, fold."""
    until = {(topic, partition): offset for topic, partition, offset in task.until}
    async with opened(task.database) as pool:
        log = await Log.connect(task.kafka)
        ground = Ground(pool, log, replace(view(task.prefix), singles=()), task.prefix)
        fold: Way = catch_up if way == "live" else rebuilding.fill
        schema = await _schema(way, ground, task)
        mate = await _mate(task, schema) if way == "pair" else None
        memory.settle()
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        await pool.execute("CHECKPOINT")
        if mate is not None:
            await _say(mate, "go")
        took = await _timed(fold, ground, schema, until, task.postgres)
        if mate is not None:
            other = msgspec.json.decode(await _heard(mate), type=Took)
            took.cpu += other.cpu
            took.memory = max(took.memory, other.memory)
            await mate.wait()
        await log.close()
        return took


async def _schema(way: str, ground: Ground, task: Task) -> Schema:
    if way == "mate":
        return await schemas.load(ground.pool, task.schema, task.prefix)
    if way == "live":
        return await schemas.prepare(ground.pool, ground.log, ground.view, task.prefix)
    return await rebuilding.begin(ground, REBUILD)


async def _mate(task: Task, schema: Schema) -> Process:
    """A second process that is ready to fold the same schema."""
    mate = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.filling", "mate"), stdin=PIPE, stdout=PIPE
    )
    joined = msgspec.structs.replace(task, schema=schema.name)
    await _say(mate, msgspec.json.encode(joined).decode())
    await _heard(mate)
    return mate


async def _say(mate: Process, line: str) -> None:
    assert mate.stdin is not None
    mate.stdin.write(line.encode() + b"\n")
    await mate.stdin.drain()


async def _heard(mate: Process) -> bytes:
    assert mate.stdout is not None
    return await mate.stdout.readline()


async def _timed(fold: Way, ground: Ground, schema: Schema, until: Targets, postgres: int) -> Took:
    staged: list[float] = []

    def tell(what: str, done: int, total: int) -> None:
        if what == "merging" and not staged:
            staged.append(monotonic())

    async with watched(postgres) as peak:
        ours, servers, began = cpu(psutil.Process()), family_cpu(postgres), monotonic()
        await fold(ground, schema, until, tell)
        ended = monotonic()
        ours, servers = cpu(psutil.Process()) - ours, family_cpu(postgres) - servers
    return Took(
        schema=schema.name,
        events=sum(until.values()),
        seconds=ended - began,
        staged=(staged[0] if staged else ended) - began,
        cpu=ours,
        postgres=servers,
        memory=peak.ours / 1e6,
        server_memory=peak.servers / 1e6,
    )


def main() -> None:
    task = msgspec.json.decode(sys.stdin.readline(), type=Task)
    print(msgspec.json.encode(uvloop.run(run(sys.argv[1], task))).decode(), flush=True)


if __name__ == "__main__":
    main()
