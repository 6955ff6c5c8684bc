"""The door while the log is away: an answer within 5 s that says what is not known."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from services.contact.door import Door
from services.contact.intake import Intake
from services.contact.lanes import Topics
from shared.auth import Key
from shared.errors import LogUnavailable
from shared.log import SETTLE_TIMEOUT, Log
from shared.messages import Entry
from tests.contact.sending import KEY
from tests.records import SECRET, subject
from tests.waiting import until

TOPICS = Topics("interactions.1", "quarantine.1", 2)
NOWHERE = "127.0.0.1:1"
SLOW = 5.0
"""Seconds that a busy machine may take."""


class Ring:
    """Lets everybody in."""

    def at_hand(self, header: bytes) -> Key | None:
        return KEY

    async def find_by_header(self, header: bytes) -> Key | None:
        return KEY


class Lanes:
    """A log whose lanes settle as a test says: offsets, an error, or None for not yet."""

    def __init__(self, outcome: Callable[[str, int], object]) -> None:
        self.outcome = outcome
        self.open: list[asyncio.Future[list[int]]] = []

    def append(
        self, topic: str, partition: int, entries: Sequence[Entry]
    ) -> asyncio.Future[list[int]]:
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        outcome = self.outcome(topic, partition)
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        elif outcome is None:
            self.open.append(future)
        else:
            future.set_result(list(range(len(entries))))
        return future


@asynccontextmanager
async def door(log: Lanes | Log) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Door(log, Ring(), Intake(SECRET), TOPICS))
    headers = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://door", headers=headers
    ) as client:
        yield client


async def post(client: httpx.AsyncClient, content: object) -> httpx.Response:
    return await client.post("/v1/events", content=msgspec.json.encode(content))


def away(topic: str, partition: int) -> object:
    return LogUnavailable("not settled")


def event(user: str) -> dict[str, Any]:
    who = [{"kind": "user", "value": user}]
    return {"id": user, "type": "note.taken", "data": {"identifiers": who}}


def of_partition(number: int) -> str:
    """A user of the shop whose events stand in a partition of two."""
    users = (str(n) for n in range(1, 99))
    return next(u for u in users if int(subject(f"user:shop:{u}")[-1], 16) % 2 == number)


async def test_one_event_is_unknown_with_the_id_to_send_it_again() -> None:
    async with door(Lanes(away)) as client:
        answer = await post(client, event("1"))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "log_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert problem["results"] == [{"status": "unknown", "id": "1"}]


async def test_an_event_without_an_id_is_told_the_one_it_was_given() -> None:
    async with door(Lanes(away)) as client:
        (result,) = (await post(client, {"type": "note.taken"})).json()["results"]
    assert result["status"] == "unknown"
    assert result["id"]


async def test_of_an_array_each_is_told_what_is_known_of_it() -> None:
    def first_only(topic: str, partition: int) -> object:
        return away(topic, partition) if partition == 1 and "inter" in topic else True

    sent = [event(of_partition(0)), event(of_partition(1)), {"id": "bad"}]
    async with door(Lanes(first_only)) as client:
        answer = await post(client, sent)
    results = answer.json()["results"]
    assert answer.status_code == 503
    assert [one["status"] for one in results] == ["accepted", "unknown", "refused"]
    assert [one["id"] for one in results] == [of_partition(0), of_partition(1), "bad"]
    assert results[0]["position"] == "interactions.1/0/0"
    assert results[2]["pointer"] == "/2/type"


async def test_bytes_that_cannot_be_kept_are_not_answered_as_refused() -> None:
    async with door(Lanes(away)) as client:
        refused: list[object] = [{}, [{}]]
        for content in refused:
            answer = await post(client, content)
            assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")


async def test_when_too_many_wait_the_next_is_turned_away_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.contact.lanes.MAX_WAITING", 8)
    lanes = Lanes(lambda topic, partition: None)
    async with door(lanes) as client:
        waiting = [asyncio.create_task(post(client, event("1"))) for _ in range(8)]
        await until(lambda: len(lanes.open) == 8)
        answer = await post(client, event("1"))
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.headers["retry-after"]
        for future in lanes.open:
            future.set_result([0])
        assert {(await each).status_code for each in waiting} == {202}


async def test_no_broker_is_answered_within_five_seconds() -> None:
    log = Log(NOWHERE)
    sent: list[object] = [event("1"), [event("1"), event("2")], {}]
    async with door(log) as client, asyncio.timeout(SETTLE_TIMEOUT + SLOW):
        for answer in await asyncio.gather(*(post(client, content) for content in sent)):
            assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
            assert answer.headers["retry-after"]
    await log.close()
