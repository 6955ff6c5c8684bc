"""What leads decides: commands over HTTP, batches of interactions, the same by a library."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
from shared import database, schemas
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
"""Commands by the library, which does hundreds a second."""

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
        rows = uvloop.run(_commands(stage, server.port, secret, url, count))
    rows += uvloop.run(_batches(stage))
    return rows


async def _commands(stage: Stage, port: int, secret: str, url: str, count: int) -> list[Row]:
    """Leads captured over HTTP beside bare transactions, and the same events by a library."""
    ours, bare, theirs = [], [], []
    for number in range(stage.rounds):
        ours.append(await _captured(port, secret, number, count))
        bare.append(await _inserted(url, number, count))
        task = msgspec.json.encode({"database": url, "count": SAVED}).decode()
        command = [sys.executable, "-m", "bench.leads_library"]
        theirs.append(float(await asyncio.to_thread(told, command, task)))
        say(f"leads: {ours[-1]:,.0f} captured/s, {bare[-1]:,.0f} bare/s, {theirs[-1]:,.0f} saved/s")
    what = "a lead captured over HTTP, 64 at a time"
    return [
        paired(what, "/s", ours, "bare transactions that insert one event", bare, aim=0.4),
        paired(what, "/s", ours, "saved by the `eventsourcing` library", theirs, aim=5),
    ]


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


async def _batches(stage: Stage) -> list[Row]:
    """Policies on batches of interactions, beside COPY of the rows that they wrote."""
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
    return [
        paired(
            f"{BATCH:,} interactions of {CUSTOMERS} customers decided",
            "/s",
            ours,
            "binary COPY of the rows that follow",
            theirs,
            aim=0.2,
        )
    ]


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
