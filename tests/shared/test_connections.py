"""Connections: heads, addresses and waiting within bounds; whatever is over one is told so."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from shared import connections
from shared.connections import MAX_FIELDS, MAX_HEAD, Joining
from shared.server import Server, listening

BOUND = 10.0
GET = b"GET /x HTTP/1.1\r\nhost: here\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how long the body is that came."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await PlainTextResponse(f"{scope['path'][:20]} {size}")(scope, receive, send)


@asynccontextmanager
async def serving(most: int = 100) -> AsyncIterator[int]:
    """A server of the application; its port."""
    with listening("127.0.0.1", 0) as listener:
        server = Server(app, listener, connections=most)
        running = asyncio.create_task(server.serve())
        await server.up.wait()
        yield listener.getsockname()[1]
        server.stop()
        await running


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving() as port:
        yield port


async def asked(port: int, *parts: bytes) -> tuple[int, str]:
    """The status and the body that a server answers to these bytes; then it has closed."""
    async with asyncio.timeout(BOUND):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return int(head.split()[1]), (await reader.readexactly(length)).decode()
        finally:
            writer.close()


async def problem(port: int, *parts: bytes) -> tuple[int, str]:
    """The status and the code of the problem that is answered."""
    status, body = await asked(port, *parts)
    found = json.loads(body)
    assert found["status"] == status
    assert found["detail"].endswith(".")
    return status, found["code"]


async def test_what_is_within_the_bounds_is_answered(port: int) -> None:
    assert await asked(port, GET + b"\r\n") == (200, "/x 0")
    fields = b"".join(b"x-%d: 1\r\n" % n for n in range(MAX_FIELDS - 1))
    assert await asked(port, GET + fields + b"\r\n") == (200, "/x 0")
    large = b"x: " + b"a" * (MAX_HEAD - 200) + b"\r\n"
    assert await asked(port, GET + large + b"\r\n") == (200, "/x 0")
    assert await asked(port, GET, large[:30_000], large[30_000:], b"\r\n") == (200, "/x 0")


async def test_a_body_is_no_head(port: int) -> None:
    body = b"b" * (3 * MAX_HEAD)
    head = b"POST /x HTTP/1.1\r\nhost: here\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert await asked(port, head + body) == (200, f"/x {len(body)}")
    assert await asked(port, head, body[:10], body[10:]) == (200, f"/x {len(body)}")


@pytest.mark.parametrize("size", [MAX_HEAD, 20 * MAX_HEAD])
async def test_headers_that_are_too_large_are_refused(port: int, size: int) -> None:
    for head in (b"x: " + b"a" * size, b"x" * size + b": a", (b"x: " + b"a" * 999 + b"\r\n") * 500):
        assert await problem(port, GET + head + b"\r\n\r\n") == (431, "head_too_large")
        assert await problem(port, GET, head, b"\r\n\r\n") == (431, "head_too_large")


async def test_headers_that_do_not_end_are_refused_at_once(port: int) -> None:
    assert await problem(port, GET, *[b"x: " + b"a" * 9000 + b"\r\n"] * 8) == (
        431,
        "head_too_large",
    )


async def test_too_many_headers_are_refused(port: int) -> None:
    fields = b"".join(b"x-%d: 1\r\n" % n for n in range(MAX_FIELDS + 1))
    assert await problem(port, GET + fields + b"\r\n") == (431, "head_too_large")


async def test_an_address_that_is_too_long_is_a_problem(port: int) -> None:
    line = b"GET /" + b"x" * (MAX_HEAD + 1) + b" HTTP/1.1\r\nhost: here\r\n\r\n"
    assert await problem(port, line) == (414, "address_too_long")
    assert await problem(port, line[:40_000], line[40_000:]) == (414, "address_too_long")


@pytest.mark.parametrize("raw", [b"x\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n"])
async def test_what_is_no_request_is_a_problem(port: int, raw: bytes) -> None:
    assert await problem(port, raw) == (400, "bad_request")


@pytest.mark.parametrize("parts", [[], [b"GET /x HT"], [GET], [GET + b"\r\n", GET]])
async def test_a_head_that_does_not_come_is_given_up(
    monkeypatch: pytest.MonkeyPatch, parts: list[bytes]
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    async with serving() as port, asyncio.timeout(BOUND):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(parts))
        answered = await reader.read()  # until it is closed
        writer.close()
    assert answered.count(b" 408 Request Timeout") == 1


async def test_a_connection_that_is_one_too_many_is_told_to_come_again() -> None:
    async with serving(2) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in held:
            writer.write(GET + b"\r\n")
            await reader.readuntil(b"/x 0")
        assert await problem(port, GET + b"\r\n") == (503, "busy")
        health = GET.replace(b"/x", b"/livez")
        assert await asked(port, health + b"\r\n") == (200, "/livez 0")
        for reader, writer in held:
            writer.write(GET + b"\r\n")  # those that were there go on
            await reader.readuntil(b"/x 0")
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(BOUND):
            while await asked(port, GET + b"\r\n") != (200, "/x 0"):
                pass


class Written:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def joining() -> tuple[Written, Joining]:
    written = Written()
    return written, Joining(cast(asyncio.Transport, written), asyncio.get_running_loop())


async def test_the_head_of_an_answer_and_its_body_are_one_write() -> None:
    written, answer = joining()
    answer.write(b"head ")
    answer.write(b"body")
    answer.write(b"more")
    await asyncio.sleep(0)
    assert written.writes == [b"head body", b"more"]


async def test_the_head_of_a_stream_does_not_wait_for_what_follows() -> None:
    written, answer = joining()
    answer.write(b"head ")
    await asyncio.sleep(0)
    assert written.writes == [b"head "]
    answer.write(b"a")
    answer.write(b"b")
    assert written.writes == [b"head ", b"a", b"b"]


async def test_a_head_is_written_before_its_connection_is_closed() -> None:
    written, answer = joining()
    answer.write(b"head")
    answer.close()
    await asyncio.sleep(0)
    assert (written.writes, answer.is_closing()) == ([b"head"], True)
