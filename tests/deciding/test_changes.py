"""The change feed over HTTP: every change once and in order, in pages and as a stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from fastapi import Query, Request, Response

from shared import middleware
from shared.application import application
from shared.counting import Requests
from shared.database import ERRORS, Pool
from shared.deciding import changes
from shared.deciding.changes import Feed
from shared.deciding.command_handler import CommandHandler
from shared.deciding.feeding import Since, answer, responses
from shared.errors import DatabaseUnavailable, NotReady
from shared.middleware import BodyLimit, Tracing
from shared.server import Server, listening
from tests.deciding import toy
from tests.deciding.toy import NOTE, ORIGIN, VISIT, Order
from tests.records import subject
from tests.waiting import until

PATH = "/v1/visits/changes"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def feed(pool: Pool) -> Feed:
    return Feed(pool, ["visit", "note"])


@pytest.fixture
async def client(feed: Feed) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server with the feed; keys that begin with `only-` see one stream."""
    api = application("Visits", "Who comes and goes.")

    @api.get(PATH, responses=responses())
    async def read(request: Request, since: Annotated[Since, Query()]) -> Response:
        only = request.headers.get("x-only")

        async def visible(streams: Sequence[str]) -> Collection[str]:
            return {only} & {*streams} if only else streams

        return await answer(request, feed, since, visible)

    async with served(Tracing(BodyLimit(api))) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The URL of a server with this application."""
    with listening("127.0.0.1", 0) as listener:
        server = Server(app, listener)
        task = asyncio.create_task(server.serve())
        await until(server.up.is_set)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            await task


async def decide(handler: CommandHandler, *amounts: int, stream: str = "1") -> None:
    """So many orders, one after the other."""
    whom = subject(f"user:s{stream}")
    for amount in amounts:
        name = toy.stream_of(stream)
        await handler.carry_out(VISIT, name, Order(whom, amount), ORIGIN, partitionkey=whom)


async def note(handler: CommandHandler, number: int) -> None:
    key = subject("user:a")
    await handler.carry_out(NOTE, toy.stream_of("note"), number, ORIGIN, partitionkey=key)


async def pages(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """All changes from page to page."""
    found: list[dict[str, Any]] = []
    while True:
        response = await client.get(PATH, params=asked)
        assert response.status_code == 200, response.text
        body = response.json()
        found += body["data"]
        if body["next"] == asked.get("after", "0"):
            return found
        asked["after"] = body["next"]


class Frames:
    """What a stream said, as an EventSource reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines: list[str] = []
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self.response.aiter_lines():
            self.lines.append(line)

    @property
    def ids(self) -> list[int]:
        return [int(line[4:]) for line in self.lines if line.startswith("id: ")]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line[6:]) for line in self.lines if line.startswith("data: ")]

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def failure(self) -> BaseException | None:
        """What broke a stream that has ended."""
        return self._task.exception()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@asynccontextmanager
async def listened(
    client: httpx.AsyncClient, headers: dict[str, str] | None = None, **asked: Any
) -> AsyncIterator[Frames]:
    """A stream while the body runs."""
    wanted = client.stream("GET", PATH, params=asked, headers=STREAM | (headers or {}))
    async with wanted as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = Frames(response)
        try:
            yield frames
        finally:
            await frames.close()


async def test_pages_have_every_change_once_as_it_stands_in_the_log(
    client: httpx.AsyncClient, handler: CommandHandler, pool: Pool
) -> None:
    await decide(handler, *range(1, 20))
    found = await pages(client, limit=7)
    rows = await pool.fetch("SELECT record FROM events ORDER BY position")
    assert found == [msgspec.json.decode(row["record"]) for row in rows]
    assert len(found) == 20


async def test_at_the_end_next_stays_until_there_is_more(
    client: httpx.AsyncClient, handler: CommandHandler
) -> None:
    await decide(handler, 1)
    latest = (await client.get(PATH, params={"after": "latest"})).json()
    assert latest == {"data": [], "next": "2"}
    await decide(handler, 2)
    await until(lambda: follows(client, "2", 1))


async def follows(client: httpx.AsyncClient, after: str, number: int) -> bool:
    return len((await client.get(PATH, params={"after": after})).json()["data"]) == number


async def test_only_some_categories_where_asked_for(
    client: httpx.AsyncClient, handler: CommandHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "WINDOW", 3)
    monkeypatch.setattr(changes, "WINDOWS", 2)
    await note(handler, 1)
    await decide(handler, *range(1, 15))
    await note(handler, 2)
    found = await pages(client, category="note")
    assert [each["type"] for each in found] == ["note.taken"] * 2
    assert len(await pages(client, category=["note", "visit"])) == 17


async def test_only_what_the_caller_may_see(
    client: httpx.AsyncClient, handler: CommandHandler
) -> None:
    await decide(handler, 1, 2)
    await decide(handler, 3, stream="2")
    client.headers["x-only"] = toy.stream_of("2")
    assert [each["stream"] for each in await pages(client, limit=1)] == [toy.stream_of("2")] * 2
    async with listened(client) as frames:
        await until(lambda: len(frames.records) == 2)
    assert {each["stream"] for each in frames.records} == {toy.stream_of("2")}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"after": "-1"}, "/query/after"),
        ({"after": "x"}, "/query/after"),
        ({"after": "9" * 19}, "/query/after"),
        ({"after": "7"}, "/query/after"),
        ({"limit": "0"}, "/query/limit"),
        ({"limit": "201"}, "/query/limit"),
        ({"category": "nothing"}, "/query/category"),
        ({"before": "1"}, "/query/before"),
    ],
)
@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, asked: dict[str, str], pointer: str, headers: dict[str, str]
) -> None:
    response = await client.get(PATH, params=asked, headers=headers)
    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize("last", ["x", "-1", "", "99"])
async def test_a_last_event_id_that_never_was_is_refused(
    client: httpx.AsyncClient, last: str
) -> None:
    response = await client.get(PATH, headers=STREAM | {"Last-Event-ID": last})
    assert response.status_code == 422


async def test_a_stream_tells_what_there_was_and_what_comes(
    client: httpx.AsyncClient, handler: CommandHandler
) -> None:
    await decide(handler, *range(1, 250))
    async with listened(client) as frames:
        await until(lambda: len(frames.records) == 250)
        await decide(handler, 7, 8)
        await until(lambda: len(frames.records) == 252)
    assert frames.ids == [*range(1, 253)]
    assert [int(each["sequence"]) for each in frames.records] == frames.ids


async def test_who_comes_again_goes_on_after_the_last_event(
    client: httpx.AsyncClient, handler: CommandHandler
) -> None:
    await decide(handler, *range(1, 10))
    async with listened(client, {"Last-Event-ID": "8"}, after="3") as frames:
        await until(lambda: len(frames.records) == 2)
    assert frames.ids == [9, 10]


async def test_in_silence_it_says_that_it_is_there_and_how_far_it_has_looked(
    client: httpx.AsyncClient, handler: CommandHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEEP_ALIVE", 0.2)
    await decide(handler, 1, 2)
    async with listened(client, category="note") as frames:
        await until(lambda: frames.lines.count(": still here") >= 2)
    assert frames.records == []
    assert set(frames.ids) == {3}


async def test_a_stream_ends_with_its_client_and_the_next_may_have_its_place(
    client: httpx.AsyncClient, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "STREAMS", 2)
    monkeypatch.setattr(changes, "KEEP_ALIVE", 0.2)
    async with listened(client) as one, listened(client) as other:
        await until(lambda: one.lines and other.lines)
        full = await client.get(PATH, headers=STREAM)
        assert (full.status_code, full.json()["code"]) == (503, "too_many_streams")
        assert "Retry-After" in full.headers
    await until(open_again(feed))
    async with listened(client) as frames:
        await until(lambda: frames.lines)


async def test_one_key_does_not_take_the_streams_of_others(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "STREAMS_OF_ONE", 2)
    mine = [feed.frames(0, who="mine") for _ in range(2)]
    assert [await anext(one) for one in mine] == [b"retry: 2000\n\n"] * 2
    with pytest.raises(NotReady, match="2 streams of this key are open already"):
        feed.raise_where_full("mine")
    feed.raise_where_full("another's")
    await mine[0].aclose()  # type: ignore[attr-defined]
    feed.raise_where_full("mine")


def open_again(feed: Feed) -> Callable[[], bool]:
    return lambda: not feed._streams


async def test_the_life_of_a_stream_is_no_time_that_an_answer_took(
    client: httpx.AsyncClient, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = Requests()
    monkeypatch.setattr(middleware, "REQUESTS", requests)
    await client.get(PATH)
    async with listened(client) as frames:
        await until(lambda: frames.lines)
        feed.close()
        await until(lambda: frames.ended)
    await until(lambda: requests.answered == {("GET", PATH, 200): 2})
    assert sum(requests.seconds[PATH].classes) == 1


async def test_while_it_is_not_known_who_listens_a_stream_waits(
    feed: Feed, handler: CommandHandler
) -> None:
    answers: list[bool | None] = [None, None, True, None, False]

    async def is_let_in() -> bool | None:
        return answers.pop(0)

    await decide(handler, 1)
    frames = [frame async for frame in feed.frames(0, is_let_in=is_let_in)]
    assert [frame.partition(b"\n")[0] for frame in frames] == [b"retry: 2000", b"id: 1", b"id: 2"]
    assert answers == []


async def test_closing_the_feed_ends_its_streams(client: httpx.AsyncClient, feed: Feed) -> None:
    async with listened(client) as frames:
        await until(lambda: frames.lines)
        feed.close()
        await until(lambda: frames.ended)


async def test_a_stream_outlives_a_lost_connection_to_the_database(
    client: httpx.AsyncClient, handler: CommandHandler, pool: Pool, database: str
) -> None:
    await decide(handler, 1)
    async with listened(client) as frames:
        await until(lambda: len(frames.records) == 2)
        await pool.expire_connections()
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await until(lambda: decided_again(handler))
        await until(lambda: len(frames.records) >= 3)


async def decided_again(handler: CommandHandler) -> bool:
    try:
        await decide(handler, 5)
    except (*ERRORS, DatabaseUnavailable):
        return False
    return True
