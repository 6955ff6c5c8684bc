"""What every API has in common: problems, traces, bounds, cursors, conditional reads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI, Query, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from shared.application import application
from shared.cursors import Cursors
from shared.errors import LogUnavailable, NotFound, NotReady, Unprocessable
from shared.http import conditional, page, wait_until
from shared.messages import Place
from shared.middleware import BodyLimit, Tracing
from shared.parameters import Currency, Day, Owner

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIMEOUT = 0.05
LIMIT = 1000


class Line(BaseModel):
    quantity: int


class Order(BaseModel):
    lines: list[Line]


class Terms(BaseModel):
    model_config = ConfigDict(extra="forbid")

    currency: Currency = "EUR"
    day: Day = "2026-11-01"
    owner: Owner = "representative:7"
    until: str = "later"
    fields: dict[str, str | int | float | bool] = {}

    @field_validator("until")
    @classmethod
    def never(cls, value: str) -> str:
        if value == "never":
            raise ValueError("never is no time")
        return value


def shop() -> FastAPI:
    app = application("Shop", "Answers badly.")
    failures = {
        "missing": NotFound("no such order"),
        "log": LogUnavailable("away"),
        "database": asyncpg.CannotConnectNowError("starting"),
        "bug": ZeroDivisionError("a secret"),
        "sql": asyncpg.UndefinedTableError("a secret"),
    }

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        raise failures[how]

    @app.get("/orders/{id}")
    async def read(id: UUID, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> int:
        return limit

    @app.post("/orders")
    async def write(order: Order) -> int:
        return len(order.lines)

    @app.delete("/orders/{id}")
    async def remove(id: UUID) -> None:
        pass

    @app.put("/terms")
    async def agree(terms: Terms) -> None:
        pass

    @app.post("/slow")
    async def slow(request: Request) -> str:
        await request.body()
        loop = asyncio.get_running_loop()
        passed = asyncio.Event()
        loop.call_later(4 * TIMEOUT, passed.set)
        await passed.wait()
        return "done"

    @app.get("/same")
    async def same(request: Request) -> Response:
        return conditional(request, b'{"a":1}')

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Tracing(BodyLimit(shop(), LIMIT, timeout=TIMEOUT))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, object] = answer.json()
    assert found["code"] == code
    assert found["status"] == status
    assert found["type"] == f"urn:rapport:problem:{code}"
    assert len(str(found["trace_id"])) == 32
    return found


async def test_a_problem_carries_the_trace_of_the_caller(client: httpx.AsyncClient) -> None:
    answer = await client.get("/fail/missing", headers={"traceparent": TRACE})
    found = problem(answer, 404, "not_found")
    assert found["trace_id"] == TRACE[3:35]
    assert found["detail"] == "no such order"


async def test_a_wrong_trace_is_not_carried_on(client: httpx.AsyncClient) -> None:
    answer = await client.get("/fail/missing", headers={"traceparent": "00-" + "0" * 32})
    assert problem(answer, 404, "not_found")["trace_id"] != "0" * 32


async def test_unknown_paths_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404, "not_found")
    answer = await client.delete("/orders")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    answer = await client.put("/orders/1")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET"


@pytest.mark.parametrize(
    ("body", "pointer", "code", "detail"),
    [
        ({"currency": "eur"}, "/currency", "string_pattern_mismatch", "three capital letters"),
        ({"day": "1.11."}, "/day", "string_pattern_mismatch", "written as 2026-11-01"),
        ({"owner": "Kim"}, "/owner", "string_pattern_mismatch", "kind:id"),
        ({"until": "never"}, "/until", "value_error", "never is no time"),
        ({"fields": {"a": [1]}}, "/fields/a", "type", "Text, a number, true or false."),
        ({"fields": {"str": None}}, "/fields/str", "type", "Text, a number, true or false."),
        ({"more": 1}, "/more", "extra_forbidden", "There is no such field."),
    ],
)
async def test_what_is_wrong_is_said_once_in_words_that_say_what_is_right(
    client: httpx.AsyncClient, body: object, pointer: str, code: str, detail: str
) -> None:
    answer = await client.put("/terms", json=body)
    problem(answer, 422, "invalid")
    [wrong] = answer.json()["errors"]
    assert (wrong["pointer"], wrong["code"]) == (pointer, code)
    assert detail in wrong["detail"]
    assert not wrong["detail"].startswith("Value error")


@pytest.mark.parametrize("how", ["bug", "sql"])
async def test_nobody_is_shown_what_failed_inside(client: httpx.AsyncClient, how: str) -> None:
    answer = await client.get(f"/fail/{how}")
    problem(answer, 500, "internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("how", "code"), [("log", "log_unavailable"), ("database", "database_unavailable")]
)
async def test_what_is_away_may_be_tried_again(
    client: httpx.AsyncClient, how: str, code: str
) -> None:
    answer = await client.get(f"/fail/{how}")
    problem(answer, 503, code)
    assert answer.headers["retry-after"]


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/orders/7", params={"limit": 201})
    errors = problem(answer, 422, "invalid")["errors"]
    assert [error["pointer"] for error in errors] == ["/path/id", "/query/limit"]  # type: ignore[attr-defined]


async def test_a_wrong_field_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/orders", json={"lines": [{"quantity": 1}, {"quantity": "x"}]})
    errors = problem(answer, 422, "invalid")["errors"]
    assert errors[0]["pointer"] == "/lines/1/quantity"  # type: ignore[index]


async def test_a_body_that_is_not_json_is_named_so(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    problem(await client.post("/orders", content=b"{", headers=headers), 400, "bad_request")


async def test_a_body_over_the_limit_is_refused_by_its_length(client: httpx.AsyncClient) -> None:
    problem(await client.post("/orders", content=b"x" * (LIMIT + 1)), 413, "too_large")
    for length in (b"many", b"-1", b"\xb2", b"9" * 5000):
        headers = {b"content-length": length}
        problem(await client.post("/orders", content=b"{}", headers=headers), 413, "too_large")


async def test_a_body_over_the_limit_is_refused_as_it_comes(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    problem(await client.post("/orders", content=pieces()), 413, "too_large")


async def test_a_body_that_does_not_come_is_not_waited_for(client: httpx.AsyncClient) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await client.post("/orders", content=never())
    assert answer.status_code == 408
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_that_comes_for_ever_is_not_waited_for(client: httpx.AsyncClient) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b""
            await asyncio.sleep(0)

    answer = await client.post("/orders", content=dripping())
    assert answer.status_code == 408


async def test_who_has_read_a_body_may_take_long(client: httpx.AsyncClient) -> None:
    answer = await client.post("/slow", content=b"{}")
    assert (answer.status_code, answer.json()) == (200, "done")


async def test_what_the_caller_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/same")
    tag = first.headers["etag"]
    again = await client.get("/same", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await client.get("/same", headers={"if-none-match": '"other"'})
    assert other.json() == first.json()


def test_a_page_is_its_items_and_a_cursor() -> None:
    assert page(['{"a":1}', "2"], 'c"') == b'{"data":[{"a":1},2],"next_cursor":"c\\""}'
    assert page([], None) == b'{"data":[],"next_cursor":null}'


# Waiting for a position


async def test_a_position_that_is_reached_is_not_waited_for() -> None:
    seen = []

    async def reached(place: Place) -> bool:
        seen.append(place)
        return len(seen) == 3

    await wait_until("interactions.1/2/7", reached)
    assert seen == [Place("interactions.1", 2, 7)] * 3


async def test_a_position_that_is_not_reached_in_time_is_said_so() -> None:
    async def never(_: Place) -> bool:
        return False

    with pytest.raises(NotReady) as answer:
        await wait_until("interactions.1/2/7", never, bound=0.0)
    assert answer.value.code == "not_yet"
    assert answer.value.headers["Retry-After"]


@pytest.mark.parametrize("position", ["", "a/b", "a/1/x", "a/-1/2", "a/1/2/3", "a/01/2"])
async def test_what_is_no_position_is_named(position: str) -> None:
    async def never(_: Place) -> bool:
        return False

    with pytest.raises(Unprocessable) as answer:
        await wait_until(position, never)
    assert answer.value.errors[0].pointer == "/query/min_position"


# Cursors

cursors = Cursors(b"the secret of this deployment")
places = st.lists(st.none() | st.text() | st.integers(-(2**63), 2**63 - 1), max_size=4)


@given(st.text(), places)
def test_a_cursor_comes_back_as_its_place(listing: str, place: list[str | int | None]) -> None:
    assert cursors.read(listing, cursors.write(listing, place)) == place


def test_no_cursor_is_no_place() -> None:
    assert cursors.read("orders", None) is None


@given(st.text(max_size=60))
def test_a_foreign_cursor_is_named(cursor: str) -> None:
    with pytest.raises(Unprocessable) as answer:
        cursors.read("orders", cursor)
    assert answer.value.errors[0].pointer == "/query/cursor"


def test_a_cursor_is_good_for_its_list_and_deployment_alone() -> None:
    cursor = cursors.write("orders of jane", ["2026"])
    for other in (cursors, Cursors(b"another secret")):
        with pytest.raises(Unprocessable):
            other.read("orders of joe" if other is cursors else "orders of jane", cursor)
