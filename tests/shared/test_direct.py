"""Requests that are taken directly: only behind heads that were parsed, whole, one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from shared import direct
from shared.direct import Answer, Directing, Heads, Names, Take, Waiting
from shared.server import Server, listening
from tests.waiting import until

BOUND = 10.0
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HEAD = b"POST /x HTTP/1.1\r\nhost: here\r\nauthorization: Bearer a\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ordinary way: answers what came to it."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    names = dict(scope["headers"])
    said = f"ordinary {body.decode()} {names.get(b'traceparent', b'').decode()}"
    await PlainTextResponse(said)(scope, receive, send)


@dataclass
class Taking:
    """Takes what does not begin with `no`; answers once it is let, with whose head it was."""

    letting: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[bytes] = field(default_factory=list)
    names: Names = field(default_factory=dict)  # of the head of the last
    answered: int = 0

    def taker(self, names: Names) -> Take | None:
        return None if b"x-never" in names else partial(self._take, names)

    def _take(self, names: Names, body: bytes, trace: str | None) -> Waiting | None:
        if body.startswith(b"no"):
            return None
        if body == b"bug":
            raise ZeroDivisionError
        self.taken.append(body)
        self.names = names
        said = b"direct %b %b" % (body, (trace or "").encode())
        return Waiting(asyncio.ensure_future(self.letting.wait()), partial(self._answer, said))

    def _answer(self, said: bytes) -> Answer:
        self.answered += 1
        if said.startswith(b"direct late bug"):
            raise ZeroDivisionError
        return Answer(202, said, ((b"content-length", b"%d" % len(said)),))


@asynccontextmanager
async def serving(taking: Taking, most: int = 100) -> AsyncIterator[tuple[int, Server]]:
    with listening("127.0.0.1", 0) as listener:
        server = Server(Directing(app, {"/x": taking.taker}), listener, connections=most)
        running = asyncio.create_task(server.serve())
        await server.up.wait()
        yield listener.getsockname()[1], server
        server.stop()
        await running


@pytest.fixture
def taking() -> Taking:
    """One that answers at once."""
    made = Taking()
    made.letting.set()
    return made


@pytest.fixture
async def port(taking: Taking) -> AsyncIterator[int]:
    async with serving(taking) as (port, _):
        yield port


def post(body: bytes, head: bytes = HEAD, *, trace: str = "") -> bytes:
    traced = b"traceparent: %b\r\n" % trace.encode() if trace else b""
    return b"%bcontent-length: %d\r\n%b\r\n%b" % (head, len(body), traced, body)


class Client:
    """A connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> str:
        """The body of the next answer."""
        async with asyncio.timeout(BOUND):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return (await self.reader.readexactly(length)).decode().strip()

    async def ask(self, *parts: bytes) -> str:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)
        return await self.answer()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def test_a_head_that_was_parsed_is_known_on_every_connection(port: int) -> None:
    async with connected(port) as client, connected(port) as other:
        assert await client.ask(post(b"one")) == "ordinary one"
        assert await client.ask(post(b"two")) == "direct two"
        assert await other.ask(post(b"three")) == "direct three"


async def test_the_length_and_the_trace_may_differ(port: int) -> None:
    async with connected(port) as client:
        assert await client.ask(post(b"1")) == "ordinary 1"
        assert await client.ask(post(b"22", trace=TRACE)) == f"direct 22 {TRACE}"
        assert await client.ask(post(b"333")) == "direct 333"
        assert await client.ask(post(b"4", trace="wrong")) == "ordinary 4 wrong"


async def test_what_is_not_taken_goes_the_ordinary_way_whole(port: int, taking: Taking) -> None:
    async with connected(port) as client:
        await client.ask(post(b"one"))
        assert await client.ask(post(b"no, not this")) == "ordinary no, not this"
        assert await client.ask(post(b"two")) == "direct two"
    assert taking.taken == [b"two"]


async def test_a_request_in_pieces_goes_the_ordinary_way(port: int) -> None:
    async with connected(port) as client:
        await client.ask(post(b"one"))
        whole = post(b"body")
        for cut in (1, len(HEAD), len(whole) - 4, len(whole) - 1):
            client.writer.write(whole[:cut])
            await client.writer.drain()
            await asyncio.sleep(0.01)  # whether it comes in one piece or two, it is answered
            assert (await client.ask(whole[cut:])).endswith(" body")
        assert await client.ask(post(b"two")) == "direct two"


async def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    taking = Taking()
    async with serving(taking) as (port, _), connected(port) as client:
        assert await client.ask(post(b"0")) == "ordinary 0"
        client.writer.write(post(b"1"))
        await until(lambda: taking.taken == [b"1"])
        client.writer.write(post(b"2"))  # before the first is answered
        client.writer.write(post(b"no 3") + post(b"4"))
        await client.writer.drain()
        assert taking.answered == 0
        taking.letting.set()
        said = [(await client.answer()).partition(" ")[2] for _ in range(4)]
        assert said == ["1", "2", "no 3", "4"]


NEVER = {
    "of HTTP/1.0": (b"POST /x HTTP/1.1", b"POST /x HTTP/1.0"),
    "that ends the connection": (b"host: here", b"host: here\r\nconnection: close"),
    "that expects to be asked": (b"host: here", b"host: here\r\nexpect: 100-continue"),
    "that asks by a query": (b"/x ", b"/x?validate=true "),
    "that the taker does not take": (b"host: here", b"host: here\r\nx-never: 1"),
    "of another path": (b"/x ", b"/y "),
    "of another method": (b"POST /x", b"PUT /x"),
    "that says one thing twice": (b"host: here", b"host: here\r\nauthorization: Bearer b"),
    "that is too long": (b"host: here", b"host: here\r\nx: " + b"a" * direct.MAX_KNOWN),
}


@pytest.mark.parametrize("change", NEVER.values(), ids=NEVER)
async def test_no_head_is_known(port: int, taking: Taking, change: tuple[bytes, bytes]) -> None:
    for _ in range(3):
        async with connected(port) as client:
            client.writer.write(post(b"one", HEAD.replace(*change)))
            await client.writer.drain()
            head = await client.reader.readuntil(b"\r\n\r\n")
            while head.startswith(b"HTTP/1.1 100"):
                head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
    assert taking.taken == []


async def test_a_body_in_chunks_goes_the_ordinary_way(port: int) -> None:
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    async with connected(port) as client:
        assert await client.ask(post(b"one")) == "ordinary one"
        for _ in range(2):
            assert await client.ask(chunked) == "ordinary one"


async def test_a_head_is_known_by_its_own_headers_however_reads_are_cut(
    port: int, taking: Taking
) -> None:
    other = b"POST /x HTTP/1.1\r\nhost: here\r\nauthorization: Bearer b\r\nz: 1\r\n"
    second = post(b"two", other)
    for cut in range(len(second)):
        head = HEAD + b"x-number: %d\r\n" % cut
        async with connected(port) as client:
            client.writer.write(post(b"one", head) + second[:cut])
            await client.writer.drain()
            await client.answer()
            client.writer.write(second[cut:])
            await client.answer()
            assert (await client.ask(post(b"three", head))).endswith(" three")
            assert await client.ask(post(b"four", head)) == "direct four"
        assert taking.names[b"authorization"] == b"Bearer a"
        assert taking.names[b"x-number"] == b"%d" % cut


@pytest.mark.parametrize(
    "request_",
    [
        b"GET http:// HTTP/1.1\r\n\r\n",
        post(b"one", HEAD + b"".join(b"x-%d: 1\r\n" % n for n in range(200))),
    ],
    ids=["an address that is none", "too many headers"],
)
async def test_what_is_refused_as_the_first_of_a_connection_is_only_refused(
    port: int, request_: bytes
) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with connected(port) as client:
        answer = await client.ask(request_)
        assert '"status":4' in answer
        assert await client.reader.read() == b""
    assert failures == []


async def test_what_fails_when_it_is_taken_goes_the_ordinary_way(port: int, taking: Taking) -> None:
    async with connected(port) as client:
        await client.ask(post(b"one"))
        assert await client.ask(post(b"bug")) == "ordinary bug"
        assert await client.ask(post(b"two")) == "direct two"


async def test_what_fails_later_is_told_so_and_nothing_is_answered_after_it(port: int) -> None:
    async with connected(port) as client:
        await client.ask(post(b"one"))
        assert '"status":500' in await client.ask(post(b"late bug"))
        assert await client.reader.read() == b""


async def test_the_server_ends_when_what_was_taken_has() -> None:
    taking = Taking()
    with listening("127.0.0.1", 0) as listener:
        server = Server(Directing(app, {"/x": taking.taker}), listener)
        running = asyncio.create_task(server.serve())
        await server.up.wait()
        async with connected(listener.getsockname()[1]) as client:
            await client.ask(post(b"one"))
            client.writer.write(post(b"two"))
            await until(lambda: taking.taken == [b"two"])
        await until(lambda: not server.server_state.connections)
        server.stop()
        await asyncio.sleep(0.3)  # it looks whether it is to stop ten times a second
        assert not running.done()
        taking.letting.set()
        await running
        assert taking.answered == 1


async def test_who_left_is_not_answered_but_what_was_taken_ends() -> None:
    taking = Taking()
    async with serving(taking) as (port, _):
        async with connected(port) as client:
            await client.ask(post(b"one"))
            client.writer.write(post(b"two"))
            await until(lambda: taking.taken == [b"two"])
        taking.letting.set()
        await until(lambda: taking.answered == 1)
        async with connected(port) as client:
            assert await client.ask(post(b"three")) == "direct three"


async def test_what_was_taken_is_answered_before_the_server_stops() -> None:
    taking = Taking()
    async with serving(taking) as (port, server), connected(port) as client:
        await client.ask(post(b"one"))
        client.writer.write(post(b"two"))
        await until(lambda: taking.taken == [b"two"])
        server.stop()
        await asyncio.sleep(0.2)  # it looks whether it is to stop ten times a second
        taking.letting.set()
        assert await client.answer() == "direct two"
        assert await client.reader.read() == b""


async def test_a_connection_that_is_one_too_many_is_not_taken(taking: Taking) -> None:
    async with serving(taking, 1) as (port, _), connected(port) as client:
        await client.ask(post(b"one"))
        async with connected(port) as other:
            assert "busy" in await other.ask(post(b"two"))
        assert await client.ask(post(b"three")) == "direct three"


async def test_a_connection_that_is_idle_is_closed(
    monkeypatch: pytest.MonkeyPatch, taking: Taking
) -> None:
    async with serving(taking) as (port, server):
        monkeypatch.setattr(server.config, "timeout_keep_alive", 0.05)
        async with connected(port) as brief:
            await brief.ask(post(b"one"))
            assert await brief.ask(post(b"two")) == "direct two"
            async with asyncio.timeout(BOUND):
                assert await brief.reader.read() == b""


# What a parser says


class Parsed:
    """What httptools finds in bytes that are one request, to the last."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.complete = b"", b"", 0
        self.fields: list[tuple[bytes, bytes]] = []
        parser = httptools.HttpRequestParser(self)
        with suppress(httptools.HttpParserUpgrade):
            parser.feed_data(data)
        self.keeps_alive = parser.should_keep_alive()
        self.method = parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


@dataclass
class Seen:
    """A taker that keeps what it was given."""

    given: list[tuple[Names, bytes, str | None]] = field(default_factory=list)

    def taker(self, names: Names) -> Take:
        def take(body: bytes, trace: str | None) -> Waiting:
            self.given.append((names, body, trace))
            return Waiting(asyncio.Future(loop=_LOOP), lambda: Answer(200, b"", ()))

        return take


_LOOP = asyncio.new_event_loop()
_LINES = st.sampled_from(
    [
        b"host: here",
        b"Host:here",
        b"content-length: 3",
        b"Content-Length: 3",
        b"content-length:  3",
        b"CONTENT-LENGTH:5",
        b"content-length: 03",
        b"content-length: +3",
        b"content-length: 3, 3",
        b"x-content-length: 3",
        b"content-length : 3",
        b" content-length: 5",
        b"\tcontent-length: 5",
        b"traceparent: " + TRACE.encode(),
        b"Traceparent:" + TRACE.encode(),
        b"traceparent: 00-x",
        b" traceparent: " + TRACE.encode(),
        b"transfer-encoding: chunked",
        b"transfer-encoding: identity",
        b"connection: close",
        b"connection: keep-alive, upgrade",
        b"upgrade: h2c",
        b"x:",
        b"x: a\nb: c",
        b"x: a\ncontent-length: 5",
        b"x: a\rcontent-length: 5",
        b" folded",
        b"",
    ]
)
_ENDS = st.sampled_from([b"\r\n"] * 30 + [b"\n", b"\r", b"\r\n\r\n", b"\n\n"])
_FIRST = st.sampled_from(
    [b"POST /x HTTP/1.1"] * 9
    + [b"POST /x HTTP/1.0", b"POST /x?y HTTP/1.1", b"GET /x HTTP/1.1", b"POST  /x HTTP/1.1"]
)
_BODIES = st.sampled_from([b"abc", b"abcde", b"", b"0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"])


def _request(first: bytes, lines: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    return first + b"".join(line + end for line, end in lines) + b"\r\n" + body


@st.composite
def requests(draw: st.DrawFn) -> list[bytes]:
    """Bytes that are nearly a request, or one; several with nearly the same head."""
    first = draw(_FIRST) + b"\r\n"
    lines = draw(st.lists(st.tuples(_LINES, _ENDS), max_size=3))
    found = []
    for _ in range(draw(st.integers(2, 5))):
        changed = [*lines]
        for _ in range(draw(st.integers(0, 2))):
            place = draw(st.integers(0, len(changed)))
            changed[place : place + draw(st.integers(0, 1))] = [draw(st.tuples(_LINES, _ENDS))]
        body = draw(_BODIES)
        if draw(st.booleans()):
            length = (b"content-length: %d" % len(body), b"\r\n")
            changed.insert(draw(st.integers(0, len(changed))), length)
        found.append(_request(first, changed, body))
    return found


def _learned(heads: Heads, data: bytes) -> None:
    """Learn a head as a connection does: only where it is the only one, and keeps alive."""
    try:
        parsed = Parsed(data)
    except httptools.HttpParserError:
        return
    if parsed.keeps_alive:
        heads.learn(data, parsed.fields)


@given(requests())
@example([post(b"abc"), post(b"abcde", trace=TRACE)])
@example([post(b"abc", trace=TRACE), post(b"abcde")])
def test_what_is_taken_is_what_a_parser_finds(said: list[bytes]) -> None:
    seen = Seen()
    heads = Heads({"/x": seen.taker})
    for data in said:
        if heads.take(data) is not None:
            _is_as_parsed(data, seen)
        _learned(heads, data)


def _is_as_parsed(data: bytes, seen: Seen) -> None:
    names, body, trace = seen.given[-1]
    parsed = Parsed(data)
    assert (parsed.method, parsed.url, parsed.complete) == (b"POST", b"/x", 1)
    assert parsed.keeps_alive
    assert parsed.body == body
    found = {name: value for name, value in parsed.fields if name != b"content-length"}
    traced = {} if trace is None else {b"traceparent": trace.encode()}
    assert found == {**names, **traced}


def test_what_is_well_formed_is_taken() -> None:
    seen = Seen()
    heads = Heads({"/x": seen.taker})
    _learned(heads, post(b"abc"))
    assert heads.take(post(b"abcde", trace=TRACE)) is not None
    assert seen.given == [({b"host": b"here", b"authorization": b"Bearer a"}, b"abcde", TRACE)]
    assert heads.take(post(b"abcde")[:-1]) is None
    assert heads.take(post(b"abcde") + b"P") is None


def test_heads_that_are_known_have_a_bound() -> None:
    heads = Heads({"/x": Seen().taker})
    for number in range(3 * direct.MOST):
        _learned(heads, post(b"abc", HEAD + b"x: %d\r\n" % number))
        assert len(heads) <= direct.MOST
