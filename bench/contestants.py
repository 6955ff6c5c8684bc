"""What ours is measured against, each served as ours is: `python -m bench.contestants NAME`."""

import asyncio
import os
import signal
import sys
from asyncio import gather
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.events import SECRET
from services.profile.queries.profiles import PROFILE
from shared import database, memory
from shared.database import in_schema
from shared.identifiers import subject
from shared.server import Server, listening

_HEADERS = [(b"content-type", b"application/json")]


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """The limit: reads the body, answers 202."""
    await _body(receive)
    await _answer(send, 202, b"")


class Parsed(msgspec.Struct):
    """An event as msgspec reads it, its data whole."""

    id: str
    source: str
    type: str
    time: str
    data: dict[str, Any]


_parse = msgspec.json.Decoder(list[Parsed]).decode
_encode = msgspec.json.Encoder().encode


async def parsing(scope: Scope, receive: Receive, send: Send) -> None:
    """The limit of batches: reads the body, decodes the array, answers 202."""
    if scope["path"] == "/v1/events":
        _parse(await _body(receive))
    await _answer(send, 202, b"")


async def least(scope: Scope, receive: Receive, send: Send) -> None:
    """What no door can leave out of batches: decodes the array, hashes the identifiers, encodes
    the records and frames them for Kafka; no keys, limits, checks or normalising, no log."""
    if scope["path"] == "/v1/events":
        frame = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 24)
        for offset, event in enumerate(_parse(await _body(receive))):
            known = ""
            for one in event.data["identifiers"]:
                named = one["kind"], one.get("namespace", ""), one["value"]
                one["subject"] = known = subject(SECRET, *named)
            frame.append(offset, 0, known.encode(), _encode(event), [])
        frame.build()
    await _answer(send, 202, b"")


async def _body(receive: Receive) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _answer(send: Send, status: int, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*_HEADERS, length]})
    await send({"type": "http.response.body", "body": body})


class Identifier(BaseModel):
    """As one would write it."""

    kind: str
    value: str
    namespace: str = ""


class Content(BaseModel):
    """The data of an event; fields that are not named are kept."""

    model_config = ConfigDict(extra="allow")

    channel: str
    direction: str
    identifiers: list[Identifier]


class Event(BaseModel):
    """An event."""

    id: str
    source: str
    type: str
    time: datetime
    data: Content


class Accepted(BaseModel):
    """The answer for one event."""

    id: str
    partition: int
    offset: int


async def idiomatic() -> ASGIApp:
    """FastAPI as its tutorial has it: models in and out, `send_and_wait`; no keys, no limits."""
    app = FastAPI()
    topic = os.environ["RAPPORT_TOPIC_PREFIX"] + "idiomatic.1"
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["RAPPORT_KAFKA"], acks="all")
    await producer.start()

    async def send(event: Event) -> Accepted:
        key = event.data.identifiers[0].value.encode()
        value = event.model_dump_json().encode()
        sent = await producer.send_and_wait(topic, value, key=key)
        return Accepted(id=event.id, partition=sent.partition, offset=sent.offset)

    @app.get("/livez")
    async def livez() -> dict[str, bool]:
        return {"alive": True}

    @app.post("/v1/events", status_code=202)
    async def one(event: Event) -> Accepted:
        return await send(event)

    @app.post("/v1/batches")
    async def many(events: list[Event]) -> list[Accepted]:
        return await gather(*(send(event) for event in events))

    return app


async def query() -> ASGIApp:
    """The limit of reads: the same SQL with the same rows, its text sent as it is."""
    pool = await database.connect(os.environ["BENCH_DATABASE"])
    sql = in_schema(PROFILE, os.environ["BENCH_SCHEMA"])
    return _Query(pool, sql)


class _Query:
    def __init__(self, pool: asyncpg.Pool, sql: str) -> None:
        self._pool = pool
        self._sql = sql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        subject = scope["path"].rpartition("/")[2]
        if subject == "livez":
            await _answer(send, 200, b"")
            return
        text = await self._pool.fetchval(self._sql, subject, 50)
        await _answer(send, 200, text.encode())


async def _ready(app: ASGIApp) -> ASGIApp:
    return app


MAKERS: dict[str, Callable[[], Awaitable[ASGIApp]]] = {
    "bare": lambda: _ready(bare),
    "parsing": lambda: _ready(parsing),
    "least": lambda: _ready(least),
    "idiomatic": idiomatic,
    "query": query,
}


async def serve(name: str) -> None:
    """Serve a contestant on RAPPORT_PORT until stopped."""
    with listening("127.0.0.1", int(os.environ["RAPPORT_PORT"])) as listener:
        server = Server(await MAKERS[name](), listener)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        memory.settle()
        await server.serve()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
