"""The board of a pipeline with 100,000 leads, beside one lead looked up by its key."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from bench import cores
from bench.probe import Line
from bench.programs import served
from bench.progress import say
from bench.report import Row
from bench.stage import OWNED, Stage
from services import banner
from services.leads import consumers, defaults
from services.leads.events import LeadCaptured
from shared import database, schemas
from shared.clock import monotonic, now, rfc3339
from shared.ids import uuid7
from shared.log import Log
from shared.messages import Place, Record
from shared.opening import DECIDING, MIGRATIONS

LEADS = 100_000
BATCH = 2_000
LOOKS = 300
"""Of each kind, in turns."""

AT = "2026-11-02T10:00:00.000000Z"


def measure(stage: Stage) -> list[Row]:
    """Latency over HTTP, one request at a time."""
    environment = stage.environment("boards")
    stage.make_topics("boards", OWNED)
    count = stage.times(LEADS, 2_000)
    uvloop.run(_fill(stage, environment["RAPPORT_DATABASE"], count))
    with ExitStack() as stack:
        stack.enter_context(stage.apart())
        contact = [sys.executable, "-m", "services.contact", "--api"]
        door = stack.enter_context(served(contact, "contact", environment, cores.OTHERS))
        environment["RAPPORT_CONTACT_URL"] = f"http://127.0.0.1:{door.port}"
        ours = [sys.executable, "-m", "services.leads", "--api"]
        server = stack.enter_context(served(ours, "leads", environment))
        keys = banner.keys(Path(environment["RAPPORT_DATA"]))
        boards, leads = uvloop.run(_looked(server.port, keys, stage.times(LOOKS, 20)))
    ratios = [board / lead for board, lead in zip(boards, leads, strict=True)]
    say(f"boards: {median(boards) * 1e3:.2f} ms, a lead {median(leads) * 1e3:.2f} ms")
    return [
        Row(
            what=f"the board of a pipeline with {count:,} leads, ten shown in each stage",
            unit="ms",
            ours=median(boards) * 1e3,
            against="one lead by its key",
            theirs=median(leads) * 1e3,
            ratio=median(ratios),
            aim=3,
            at_most=True,
            note="latency over HTTP",
            rounds=[median(ratios[n::3]) for n in range(3)],
        )
    ]


async def _fill(stage: Stage, server: str, count: int) -> None:
    """Fold so many captured leads, spread over all stages."""
    url = database.service_url(server, "leads")
    await database.ensure_database(url)
    pool = await database.connect(url)
    log = await Log.connect(stage.kafka)
    try:
        await database.migrate(pool, MIGRATIONS, DECIDING)
        view = consumers.view("boards-")
        schema = await schemas.prepare(pool, log, view, "boards-")
        for start in range(0, count, BATCH):
            events = [view.decode(record) for record in _captured(start, BATCH)]
            async with pool.acquire() as connection, connection.transaction():
                await view.fold(connection, schema.name, events)
        await pool.execute("ANALYZE")
    finally:
        await log.close()
        await pool.close()


def _captured(start: int, count: int) -> Iterator[Record]:
    sales = next(each for each in defaults.pipelines(AT) if each.name == "sales")
    for number in range(start, start + count):
        stream, subject = str(uuid7()), str(uuid7())
        event = LeadCaptured(
            pipeline="sales",
            revision=1,
            stage=sales.stages[number % len(sales.stages)].name,
            subject=subject,
            source="/bench",
            channel="web",
            title=f"Wants a quote for {number} chairs",
            amount=number,
            currency="EUR",
            owner=f"representative:{number % 50}",
            at=AT,
        )
        record = {
            "specversion": "1.0",
            "id": f"{stream}/1",
            "source": consumers.SOURCE,
            "type": "lead.captured",
            "time": AT,
            "recordedtime": rfc3339(now()),
            "partitionkey": subject,
            "actor": "service:bench",
            "stream": stream,
            "streamversion": 1,
            "sequence": f"{number + 1:016}",
            "data": event,
        }
        place = Place("boards-leads.1", 0, number)
        yield Record(place, subject.encode(), msgspec.json.encode(record))


async def _looked(port: int, keys: dict[str, str], count: int) -> tuple[list[float], list[float]]:
    """Seconds of each look at the board, and of each at one lead, in turns."""
    line = Line(*await asyncio.open_connection("127.0.0.1", port))
    named = [{"kind": "email", "value": "jane@example.com"}]
    asked = {"identifiers": named, "title": "A quote", "source": "/bench", "channel": "web"}
    _, begun = await line.ask(_request("POST", "/v1/leads", keys["write"], asked))
    lead = f"/v1/leads/{msgspec.json.decode(begun)['id']}"
    boards, leads = [], []
    for _ in range(count):
        boards.append(await _timed(line, _request("GET", "/v1/boards/sales", keys["read"])))
        leads.append(await _timed(line, _request("GET", lead, keys["read"])))
    return boards, leads


async def _timed(line: Line, request: bytes) -> float:
    began = monotonic()
    status, answer = await line.ask(request)
    assert status == 200, answer
    return monotonic() - began


def _request(method: str, path: str, key: str, content: object = None) -> bytes:
    body = b"" if content is None else msgspec.json.encode(content)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
