"""Laws of the API of leads: one effect for one key, one winner of two, teams see their own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import captured, send, teams
from tests.leads.told import capture, five, number

SEVEN, EIGHT = "representative:7", "representative:8"
DAYS = {"from": "2026-01-01", "to": "2026-01-02"}


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


async def count(leads: Leads) -> int:
    return int(await leads.site.pool.fetchval("SELECT count(*) FROM events"))


async def test_the_same_key_50_times_at_once_has_one_effect(leads: Leads) -> None:
    lead = (await captured(leads, 1))["id"]
    before = await count(leads)

    async def once(path: str, body: Any, version: int | None) -> Any:
        return await send(leads, path, body, version=version, Idempotency_Key="the one")

    note = {"text": "Called."}
    answers = await asyncio.gather(*(once(f"/v1/leads/{lead}/notes", note, 1) for _ in range(50)))
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_running"}
    assert len({a.text for a in answers if a.status_code == 200}) == 1
    assert await count(leads) == before + 1
    again = await once(f"/v1/leads/{lead}/notes", note, 1)
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(leads) == before + 1


async def test_of_writers_with_the_same_version_one_wins_and_the_others_get_412(
    leads: Leads,
) -> None:
    lead = (await captured(leads, 1))["id"]
    path = f"/v1/leads/{lead}/notes"
    for version in (1, 2, 3):
        answers = await asyncio.gather(
            *(send(leads, path, {"text": f"{n}"}, version=version) for n in range(8))
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert (await leads.get(f"/v1/leads/{lead}"))["version"] == 4


async def test_a_representative_sees_what_its_teams_own_in_every_answer(leads: Leads) -> None:
    await five(leads)
    await leads.carry_out(number(6), capture(6, owner="representative:9"))
    await leads.carry_out(number(7), capture(7))
    await leads.settle()
    alone, both = [4, 2], [5, 4, 3, 2, 1]
    for wanted, members in ((alone, [SEVEN]), (both, [SEVEN, EIGHT])):
        if len(members) > 1:
            await teams(leads, north=members, south=["representative:9"])
        ids = [number(n) for n in wanted]
        assert await leads.ids(who=SEVEN) == ids
        assert await leads.ids(who=SEVEN, owner__eq="representative:9") == []
        board = await leads.get("/v1/boards/sales", SEVEN)
        assert board["leads"] == len([n for n in wanted if n <= 3])
        [measured] = (await leads.get("/v1/leads/measures", SEVEN, **DAYS))["data"]
        assert measured["new"]["leads"] == len(wanted)
        changes = (await leads.get("/v1/leads/changes", SEVEN, limit=200))["data"]
        assert {each["stream"] for each in changes} == {*ids}
        for n in range(1, 8):
            for part in ("", "/history"):
                answer = await leads.ask(f"/v1/leads/{number(n)}{part}", SEVEN)
                assert answer.status_code == (200 if n in wanted else 404)
            version = (await leads.get(f"/v1/leads/{number(n)}"))["version"]
            note = {"text": "Called."}
            answer = await send(leads, f"/v1/leads/{number(n)}/notes", note, SEVEN, version)
            assert answer.status_code == (200 if n in wanted else 404)
