"""The playbook over HTTP: sequences, tactics and what came of them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.leads.commands import LoseLead, WinLead
from services.leads.decider import PIPELINE
from services.leads.decider.pipeline import stream_of
from services.leads.follow_ups.api import documents
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.following import (
    CARE,
    EIGHT,
    FIRST,
    SAMPLES,
    ahead,
    begun,
    define,
    define_tactic,
    problem,
    send,
    written,
)
from tests.leads.test_api_documents import shape
from tests.leads.told import number


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await written(leads, define(FIRST), define(CARE, "care"), define_tactic(SAMPLES))
        yield leads


# --- the playbook


async def put(
    leads: Leads, path: str, body: Any, version: int | None = None, verb: str = "PUT"
) -> httpx.Response:
    headers = {**leads.headers("service:app")}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return await leads.client.request(verb, path, json=body, headers=headers)


SEQUENCE = {"title": "Again", "steps": [{"id": "call", "title": "Call", "kind": "call"}]}


async def test_a_sequence_is_made_changed_and_retired_for_its_own_version(leads: Leads) -> None:
    path = "/v1/sequences/again"
    made = await put(leads, path, SEQUENCE)
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert shape(made.json()) == shape(
        documents.SEQUENCE | {"starts": [], "position": "leads.events/0/0"}
    )
    assert (await put(leads, path, SEQUENCE)).status_code == 428
    await put(leads, "/v1/sequences/another", SEQUENCE)  # which changes nothing of this one
    changed = await put(leads, path, SEQUENCE | {"title": "Other"}, 1)
    assert (changed.json()["version"], changed.json()["title"]) == (2, "Other")
    assert problem(await put(leads, path, SEQUENCE, 1))[:2] == (412, "stale")
    gone = await put(leads, path, None, 2, "DELETE")
    assert (gone.json()["retired"], gone.headers["etag"]) == (True, '"3"')
    listed = await leads.get("/v1/sequences")
    assert [(each["name"], each["retired"]) for each in listed["data"]] == [
        ("again", True),
        ("another", False),
        ("care", False),
        ("first", False),
    ]
    assert (await leads.get(path))["steps"][0]["completed_by"] == ["call.placed", "call.received"]
    assert (await put(leads, "/v1/sequences/x", None, 1, "DELETE")).status_code == 404
    assert (await leads.ask("/v1/sequences/x")).status_code == 404


async def test_what_is_wrong_with_a_sequence_is_pointed_to(leads: Leads) -> None:
    wrong = {
        "title": "Again",
        "steps": [{"id": "call", "title": "Call", "kind": "call", "completed_by": ["page.viewed"]}],
        "starts": [{"pipeline": "sales", "stage": "never"}, {"pipeline": "nothing"}, {}],
    }
    status, _, pointers = problem(await put(leads, "/v1/sequences/again", wrong))
    assert (status, pointers) == (
        422,
        ["/steps/0/completed_by/0", "/starts/0/stage", "/starts/1/pipeline", "/starts/2"],
    )
    kind = {**SEQUENCE, "steps": [{"id": "a", "title": "A", "kind": "fax"}]}
    assert problem(await put(leads, "/v1/sequences/again", kind))[2] == ["/steps/0/kind"]
    assert (await leads.ask("/v1/sequences/again")).status_code == 404


# --- tactics


async def test_a_tactic_shows_how_often_it_was_followed_by_a_win(leads: Leads) -> None:
    pipeline = (await leads.handler.load(PIPELINE, stream_of("sales"))).state
    for n in range(1, 6):
        path = await begun(leads, n, amount=n, currency="EUR")
        if n < 5:
            body = {"tactic": "samples", "objection": "too dear" if n % 2 else None}
            assert (await send(leads, f"{path}/tactics", body)).status_code == 201
    await send(leads, f"/v1/leads/{number(1)}/tactics", {"tactic": "samples"})
    for n in (1, 2, 5):
        await leads.carry_out(number(n), WinLead(at=ahead()))
    await leads.carry_out(number(3), LoseLead(pipeline=pipeline, reason="price", at=ahead()))
    await leads.settle()
    [found] = (await leads.get("/v1/tactics"))["data"]
    assert shape(found) == shape(documents.TACTICS["data"][0] | {"pipelines": []})
    assert found["uses"] == 5
    numbers = {name: found[name]["value"] for name in ("leads", "won", "lost", "win_rate")}
    assert numbers == {"leads": 4, "won": 2, "lost": 1, "win_rate": 0.6667}
    for name, expected in {"leads": 4, "won": 2, "lost": 1, "win_rate": 3}.items():
        behind = await leads.get(found[name]["query"])
        assert len(behind["data"]) == expected, name
    [dear] = (await leads.get("/v1/tactics", objection__eq="too dear", stage__eq="new"))["data"]
    assert (dear["uses"], dear["won"]["value"], dear["lost"]["value"]) == (2, 1, 1)
    assert len((await leads.get(dear["won"]["query"]))["data"]) == 1
    assert len(await leads.all_pages("/v1/tactics/samples/leads", 1)) == 4
    [none] = (await leads.get("/v1/tactics", EIGHT))["data"]
    assert (none["uses"], none["win_rate"]["value"]) == (0, None)


async def test_what_tactic_cannot_be_used(leads: Leads) -> None:
    path = await begun(leads)
    answer = await send(leads, f"{path}/tactics", {"tactic": "x"})
    assert problem(answer) == (422, "unknown_tactic", ["/tactic"])
    answer = await send(leads, f"{path}/tactics", {"tactic": "samples", "objection": "x"})
    assert problem(answer) == (422, "unknown_objection", ["/objection"])


async def test_a_tactic_is_made_and_retired(leads: Leads) -> None:
    body = {"title": "Discount", "text": "Ask for three years.", "objections": ["too dear"]}
    made = await put(leads, "/v1/tactics/discount", body)
    assert (made.status_code, made.json()["version"]) == (200, 1)
    assert (await leads.get("/v1/tactics/discount"))["title"] == "Discount"
    none = await put(leads, "/v1/tactics/none", {"title": "None", "text": "x"})
    assert problem(none)[:2] == (422, "no_occasion")
    gone = await put(leads, "/v1/tactics/discount", None, 1, "DELETE")
    assert gone.json()["retired"] is True


async def test_tactics_are_chosen_by_what_they_are_for(leads: Leads) -> None:
    body = {"title": "Discount", "text": "Ask for three years.", "objections": ["too late"]}
    await put(leads, "/v1/tactics/discount", body)

    async def names(**parameters: str) -> list[str]:
        found = await leads.get("/v1/tactics", **parameters)
        return [each["name"] for each in found["data"]]

    assert await names() == ["discount", "samples"]
    assert await names(stage="offer") == ["discount", "samples"]
    assert await names(stage="new", pipeline="sales") == ["discount"]
    assert await names(objection="too dear") == ["samples"]
    await put(leads, "/v1/tactics/discount", None, 1, "DELETE")
    assert await names() == ["discount", "samples"]
    assert await names(stage="offer") == ["samples"]
