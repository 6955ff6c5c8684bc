"""A lead captured over the API: the short way and the documented one answer the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.leads.app import SERVICE
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.socketed import socketed

BODY = dict[str, Any] | list[Any] | bytes


@dataclass
class Ways:
    """The same service twice: as it is documented, and on a socket where the head is known."""

    leads: Leads
    short: httpx.AsyncClient
    taken: list[bytes]

    @property
    def both(self) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
        return self.short, self.leads.client

    async def post(
        self, client: httpx.AsyncClient, body: BODY, who: str = "service:app", **headers: str
    ) -> httpx.Response:
        content = (
            body if isinstance(body, bytes) else httpx.Request("POST", "http://x", json=body).read()
        )
        given = {**self.leads.headers(who), "Content-Type": "application/json", **headers}
        return await client.post("/v1/leads", content=content, headers=given)


@pytest.fixture
async def ways(pool: Pool) -> AsyncIterator[Ways]:
    async with answering(pool) as leads, socketed(SERVICE.app(leads.site)) as short:
        await defined(leads, "sales")
        ways = Ways(leads, short.client, short.taken)
        for who in ("service:app", "representative:7", "partner:12"):
            answer = await ways.post(ways.short, {}, who)  # its head is known from now on
            assert answer.status_code == 422
        yield ways


def asked(who: str = "jane@example.com", **fields: Any) -> dict[str, Any]:
    named = [{"kind": "email", "value": who}]
    given = {"title": "Wants a quote", "source": "/web/contact-form", "channel": "web"}
    return given | {"identifiers": named} | fields


def without_names(document: dict[str, Any]) -> dict[str, Any]:
    """What does not follow from the body is left out."""
    changing = {"id", "subject", "captured", "since", "position", "identifiers"}
    return {name: value for name, value in document.items() if name not in changing}


async def test_both_ways_begin_a_lead_and_join_it(ways: Ways) -> None:
    for client, who in zip(ways.both, ("a@example.com", "b@example.com"), strict=True):
        first = await ways.post(client, asked(who, amount=500, currency="EUR"))
        again = await ways.post(client, asked(who))
        assert (first.status_code, again.status_code) == (201, 200), first.text + again.text
        assert first.json()["id"] == again.json()["id"]
        assert again.json()["inquiries"] == 2
        assert again.headers["etag"] == '"2"'
    assert len(ways.taken) == 2


async def test_both_ways_answer_the_same(ways: Ways) -> None:
    fields = {"product": "K", "owner": "representative:7", "fields": {"country": "DE", "seats": 2}}
    short = await ways.post(ways.short, asked("a@example.com", **fields))
    long = await ways.post(ways.leads.client, asked("b@example.com", **fields))
    assert len(ways.taken) == 1
    assert without_names(short.json()) == without_names(long.json())
    for name in ("content-type", "etag"):
        assert short.headers[name] == long.headers[name]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        {},
        asked(title=""),
        asked(amount=-1, currency="EUR"),
        asked(amount=1.5, currency="EUR"),
        asked(currency="EURO"),
        asked(surprise=1),
        asked(channel="pigeon"),
        asked(identifiers=[{"kind": "colour", "value": "red"}]),
        asked(amount=5),
        asked(pipeline="nowhere"),
    ],
    ids=str,
)
async def test_both_ways_refuse_a_wrong_body_with_the_same_problem(ways: Ways, body: BODY) -> None:
    problems = []
    for client in ways.both:
        answer = await ways.post(client, body)
        assert 400 <= answer.status_code < 500, answer.text
        problem = answer.json()
        problem.pop("trace_id")
        problems.append((answer.status_code, answer.headers["content-type"], problem))
    assert problems[0] == problems[1]


async def test_without_a_key_or_its_scope_neither_way_is_open(ways: Ways) -> None:
    for client in ways.both:
        for _ in range(2):
            answer = await ways.post(client, asked(), Authorization="Bearer nonsense")
            assert answer.status_code == 401
    assert ways.taken == []


async def test_a_revoked_key_is_told_so_by_both_ways(ways: Ways) -> None:
    assert (await ways.post(ways.short, asked())).status_code == 201
    assert len(ways.taken) == 1
    ways.leads.ring.revoke("service:app")
    for client in ways.both:
        headers = {"Authorization": f"Bearer {ways.leads.ring.secrets['service:app']}"}
        answer = await ways.post(client, asked(), "representative:7", **headers)
        assert answer.status_code == 401
    assert len(ways.taken) == 1


async def test_who_captured_a_lead_directly_and_in_which_trace_is_known(ways: Ways) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = await ways.post(ways.short, asked(), "representative:7", traceparent=trace)
    assert len(ways.taken) == 1
    await ways.leads.settle()
    history = await ways.leads.get(f"/v1/leads/{answer.json()['id']}/history")
    assert {each["actor"] for each in history["data"]} == {"representative:7"}
    records = await ways.leads.site.pool.fetch("SELECT record FROM events ORDER BY position DESC")
    assert trace[3:35] in records[0]["record"].decode()


async def test_partners_and_requests_sent_again_go_the_documented_way(ways: Ways) -> None:
    for number in range(3):
        await ways.post(ways.short, asked(f"{number}@example.com"), "partner:12")
        await ways.post(ways.short, asked("b@example.com"), **{"Idempotency-Key": "one"})
        await ways.post(ways.short, asked("b@example.com"), Origin="https://shop.example")
    assert ways.taken == []
