"""What leads decides: commands over HTTP, batches of interactions, the same by a library."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import msgspec
import uvloop

from bench import cores
from bench.probe import Line
from bench.programs import served, told
from bench.progress import say
from bench.report import Row, paired
from bench.stage import OWNED, Stage
from services import banner
from services.leads import consumers, defaults
from services.leads.decider import PIPELINE
from services.leads.decider.pipeline import stream_of
from shared import database, memory, schemas
from shared.clock import monotonic, now, rfc3339
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from shared.identifiers import subject as subject_of
from shared.log import Log
from shared.messages import Place, Record
from shared.opening import DECIDING, MIGRATIONS

CONNECTIONS = 64
COMMANDS = 6_000
SAVED = 300
"""Commands and interactions by the library, which does hundreds a second."""

BATCHES = 10
"""Of interactions that go with the commands of the whole set."""

BATCH, CUSTOMERS = 1_000, 500
AT = "2026-11-02T10:00:00.000000Z"
SECRET = b"the secret of the bench, of 32 bytes or more"


def measure(stage: Stage) -> list[Row]:
    """Commands per second, and batches of interactions that policies look at."""
    environment = stage.environment("leads")
    stage.make_topics("leads", OWNED)
    url = database.service_url(environment["RAPPORT_DATABASE"], "leads")
    count = stage.times(COMMANDS, 500)
    with ExitStack() as stack:
        stack.enter_context(stage.apart())
        contact = [sys.executable, "-m", "services.contact", "--api"]
        door = stack.enter_context(served(contact, "contact", environment, cores.OTHERS))
        environment["RAPPORT_CONTACT_URL"] = f"http://127.0.0.1:{door.port}"
        ours = [sys.executable, "-m", "services.leads", "--api"]
        server = stack.enter_context(served(ours, "leads", environment))
        secret = banner.keys(Path(environment["RAPPORT_DATA"]))["write"]
        uvloop.run(_captured(server.port, secret, stage.rounds, count // 6))
        captured, bare, theirs = uvloop.run(_commands(stage, server.port, secret, url, count))
    decided, copied = uvloop.run(_batches(stage))
    what, batch = "a lead captured over HTTP, 64 at a time", f"{BATCH:,} interactions decided"
    return [
        paired(what, "/s", captured, "bare transactions that insert one event", bare, aim=0.4),
        paired(batch, "/s", decided, "binary COPY of the rows that follow", copied, aim=0.2),
        *_by_library(count, captured, decided[1::2], theirs),
    ]


def _by_library(
    count: int, captured: list[float], decided: list[float], theirs: list["Saved"]
) -> list[Row]:
    """Each kind of work, and the whole set: so many commands, and interactions."""
    interactions = BATCHES * BATCH

    def whole(command: float, interaction: float) -> float:
        return (count + interactions) / (count / command + interactions / interaction)

    saved, inquired = [each.captured for each in theirs], [each.inquired for each in theirs]
    ours = [whole(*each) for each in zip(captured, decided, strict=True)]
    library = "the `eventsourcing` library, one at a time, without HTTP"
    what = f"{count:,} leads captured over HTTP and {interactions:,} interactions decided"
    return [
        paired("a lead captured over HTTP, 64 at a time", "/s", captured, library, saved),
        paired(f"{BATCH:,} interactions decided", "/s", decided, library, inquired),
        paired(what, "/s", ours, library, [whole(*each) for each in theirs], aim=5),
    ]


class Saved(NamedTuple):
    """What the library does in a second."""

    captured: float
    inquired: float


async def _commands(
    stage: Stage, port: int, secret: str, url: str, count: int
) -> tuple[list[float], list[float], list[Saved]]:
    """Leads captured over HTTP, bare transactions, and the same by a library."""
    ours, bare, theirs = [], [], []
    for number in range(stage.rounds):
        ours.append(await _captured(port, secret, number, count))
        bare.append(await _inserted(url, number, count))
        task = {"database": url, "count": SAVED, "interactions": SAVED, "name": str(number)}
        command = [sys.executable, "-m", "bench.leads_library"]
        line = await asyncio.to_thread(told, command, msgspec.json.encode(task).decode())
        theirs.append(Saved(*map(float, line.split())))
        say(
            f"leads: {ours[-1]:,.0f} captured/s, {bare[-1]:,.0f} bare/s; the library saves "
            f"{theirs[-1].captured:,.0f}/s, {theirs[-1].inquired:,.0f} interactions/s"
        )
    return ours, bare, theirs


async def _captured(port: int, secret: str, number: int, count: int) -> float:
    """Commands a second, each of another customer."""

    async def one(line: Line, n: int) -> None:
        status, answer = await line.ask(_capture(secret, f"{number}-{n}"))
        assert status == 201, answer

    lines = [Line(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    return await _rate(count, lines, one)


def _capture(secret: str, name: str) -> bytes:
    body = msgspec.json.encode(
        {
            "identifiers": [{"kind": "email", "value": f"{name}@example.com"}],
            "title": "Wants a quote for 20 chairs",
            "source": "/web/contact-form",
            "channel": "web",
            "product": "CHAIR-7",
            "amount": 398_000,
            "currency": "EUR",
        }
    )
    return (
        b"POST /v1/leads HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
    ) % (secret.encode(), len(body), body)


async def _inserted(url: str, number: int, count: int) -> float:
    """Transactions a second that insert one event of the same size, on as many connections as
    PostgreSQL is given by the service."""
    record = b"x" * 900
    pool = await database.connect(url)
    await pool.execute(_BARE_TABLE)

    async def one(_: int, n: int) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(_BARE, f"{number}-{n}", record)

    try:
        return await _rate(count, range(20), one)
    finally:
        await pool.execute("DROP TABLE bare")
        await pool.close()


async def _rate(
    count: int, workers: Sequence[Any], one: Callable[[Any, int], Awaitable[None]]
) -> float:
    """So many a second, of `count` shared by workers that each do one at a time."""
    left = iter(range(count))

    async def work(worker: Any) -> None:
        for n in left:
            await one(worker, n)

    began = monotonic()
    await asyncio.gather(*(work(worker) for worker in workers))
    return count / (monotonic() - began)


async def _batches(stage: Stage) -> tuple[list[float], list[float]]:
    """Policies on batches of interactions, beside COPY of the rows that they wrote; two of each a
    round, in a process settled as services are."""
    url = database.service_url(stage.database_of("leadsbatch"), "leads")
    await database.ensure_database(url)
    pool = await database.connect(url)
    log = await Log.connect(stage.kafka)
    try:
        await database.migrate(pool, MIGRATIONS, DECIDING)
        handler, origin = CommandHandler(pool, consumers.SOURCE), Origin("service:bench")
        for command in defaults.pipelines(AT):
            stream = stream_of(command.name)
            await handler.carry_out(PIPELINE, stream, command, origin, partitionkey=stream)
        view = consumers.policies("leads-")
        schema = await schemas.prepare(pool, log, view, "leads-")
        ours, theirs = [], []
        memory.settle()
        for number in range(stage.rounds * 2):
            events = [view.decode(record) for record in _interactions(number)]
            began = monotonic()
            async with pool.acquire() as connection, connection.transaction():
                await view.fold(connection, schema.name, events)
            ours.append(BATCH / (monotonic() - began))
            theirs.append(await _copied(pool))
            say(f"leads, a batch: {ours[-1]:,.0f} interactions/s, copied {theirs[-1]:,.0f}/s")
    finally:
        await log.close()
        await pool.close()
    return ours, theirs


def _interactions(number: int) -> list[Record]:
    """Requests for quotes, two of each customer."""
    found = []
    for n in range(BATCH):
        value = f"{number}-{n % CUSTOMERS}@example.com"
        subject = subject_of(SECRET, "email", "", value)
        record = {
            "specversion": "1.0",
            "id": f"{number}-{n}",
            "source": "/bench",
            "type": "quote.requested",
            "time": AT,
            "recordedtime": rfc3339(now()),
            "partitionkey": subject,
            "ingestkey": "bench",
            "data": {
                "channel": "web",
                "direction": "inbound",
                "identifiers": [{"kind": "email", "value": value, "subject": subject}],
                "product": "CHAIR-7",
            },
        }
        place = Place("leads-interactions.1", 0, number * BATCH + n)
        found.append(Record(place, subject.encode(), msgspec.json.encode(record)))
    return found


async def _copied(pool: asyncpg.Pool) -> float:
    """Interactions a second, were the rows of the last batch only copied."""
    async with pool.acquire() as connection:
        parts = []
        for table, sql in _WRITTEN.items():
            found = await connection.fetch(sql)
            await connection.execute(
                f"CREATE TABLE copied_{table} (LIKE {table} INCLUDING INDEXES)"
            )
            parts.append((f"copied_{table}", [tuple(row) for row in found]))
        began = monotonic()
        async with connection.transaction():
            for name, rows in parts:
                await connection.copy_records_to_table(name, records=rows)
        taken = monotonic() - began
        for name, _ in parts:
            await connection.execute(f"DROP TABLE {name}")
    return BATCH / taken


_BARE_TABLE = """
CREATE TABLE IF NOT EXISTS bare (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text UNIQUE, record bytea)
"""

_BARE = "INSERT INTO bare (stream, record) VALUES ($1, $2)"

_WRITTEN = {
    "events": f"SELECT * FROM events ORDER BY position DESC LIMIT {BATCH}",
    "streams": f"""
        SELECT s.* FROM streams s JOIN (
            SELECT DISTINCT stream FROM (
                SELECT stream FROM events ORDER BY position DESC LIMIT {BATCH}) last
        ) l ON l.stream = s.stream""",
    "claims": f"""
        SELECT c.* FROM claims c JOIN (
            SELECT DISTINCT stream FROM (
                SELECT stream FROM events ORDER BY position DESC LIMIT {BATCH}) last
        ) l ON l.stream = c.stream""",
    "inbox": f"SELECT * FROM inbox LIMIT {BATCH}",
}
