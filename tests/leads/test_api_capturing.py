"""A lead captured over the API: the short way and the documented one answer the same."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.database import Pool
from tests.leads.answering import Leads, answering, defined

SHORT, DOCUMENTED = "application/json", "application/json; charset=utf-8"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


def asked(who: str = "jane@example.com", **fields: Any) -> dict[str, Any]:
    named = [{"kind": "email", "value": who}]
    given = {"title": "Wants a quote", "source": "/web/contact-form", "channel": "web"}
    return given | {"identifiers": named} | fields


async def post(leads: Leads, body: Any, type_: str, **headers: str) -> httpx.Response:
    content = (
        body if isinstance(body, bytes) else httpx.Request("POST", "http://x", json=body).read()
    )
    given = {**leads.headers("service:app"), "Content-Type": type_, **headers}
    return await leads.client.post("/v1/leads", content=content, headers=given)


def without_names(document: dict[str, Any]) -> dict[str, Any]:
    """What does not follow from the body is left out."""
    changing = {"id", "subject", "captured", "since", "position", "identifiers"}
    return {name: value for name, value in document.items() if name not in changing}


async def test_both_ways_begin_a_lead_and_join_it(leads: Leads) -> None:
    for who, type_ in (("a@example.com", SHORT), ("b@example.com", DOCUMENTED)):
        first = await post(leads, asked(who, amount=500, currency="EUR"), type_)
        again = await post(leads, asked(who), type_)
        assert (first.status_code, again.status_code) == (201, 200), first.text + again.text
        assert first.json()["id"] == again.json()["id"]
        assert again.json()["inquiries"] == 2
        assert again.headers["etag"] == '"2"'


async def test_both_ways_answer_the_same(leads: Leads) -> None:
    short = await post(leads, asked("a@example.com", product="K", owner="representative:7"), SHORT)
    long = await post(
        leads, asked("b@example.com", product="K", owner="representative:7"), DOCUMENTED
    )
    assert without_names(short.json()) == without_names(long.json())


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
async def test_both_ways_refuse_a_wrong_body_with_the_same_problem(leads: Leads, body: Any) -> None:
    problems = []
    for type_ in (SHORT, DOCUMENTED):
        answer = await post(leads, body, type_)
        assert 400 <= answer.status_code < 500, answer.text
        problem = answer.json()
        problem.pop("trace_id")
        problems.append((answer.status_code, problem))
    assert problems[0] == problems[1]


async def test_without_a_key_or_its_scope_neither_way_is_open(leads: Leads) -> None:
    for type_ in (SHORT, DOCUMENTED):
        answer = await post(leads, asked(), type_, Authorization="Bearer nonsense")
        assert answer.status_code == 401
