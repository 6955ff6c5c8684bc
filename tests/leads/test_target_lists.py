"""Target lists over HTTP: by import, and from a profile that answers as the real one does."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.leads.prospects.api.filling import PAGE, PAGES
from services.leads.prospects.decider.knowing import stream_of
from services.profile.api import documents
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.prospecting import item, post, put
from tests.records import subject

LIST = "/v1/target-lists/spring"
PURPOSE = {"purpose": "Met at the fair"}
FILTERED = {"purpose": "Bought once", "filters": {"orders_gte": "1", "last_seen_lte": "2026-06-01"}}


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


async def bring(leads: Leads, *items: Any) -> Any:
    answer = await post(leads, f"{LIST}/prospects", {"items": [*items]})
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- by import


async def test_an_import_answers_for_every_item_and_loses_no_good_one(leads: Leads) -> None:
    await put(leads, LIST, PURPOSE)
    nobody = item(2, identifiers=[{"kind": "email", "value": "none"}])
    found = await bring(
        leads,
        *(item(1), nobody, {"name": "x"}, item(3, come_back="soon"), item(4, fields={"A b": 1})),
        *(item(5, colour="red"), item(6, fields={"seats": 2}, come_back="2027-03-01"), item(1)),
    )
    statuses = [each["status"] for each in found["data"]]
    assert sorted(statuses) == [200, 201, 201, 422, 422, 422, 422, 422]
    assert (statuses[1:6], statuses[6], found["kept"]) == ([422] * 5, 201, 2)
    pointers = [{wrong["pointer"] for wrong in each["errors"]} for each in found["data"][1:6]]
    assert pointers == [
        {"/items/1/identifiers/0/value"},
        {"/items/2/identifiers"},
        {*pointers[2]},
        {"/items/4/fields/A b"},
        {"/items/5/colour"},
    ]
    assert all(each.startswith("/items/3/come_back") for each in pointers[2])
    await leads.settle()
    there = await leads.get(LIST)
    assert (there["prospects"], there["state"]) == ({"waiting": 2}, "ready")
    assert len(await leads.ids("/v1/prospects", list__eq="spring")) == 2


async def test_the_same_import_again_changes_nothing(leads: Leads) -> None:
    await put(leads, LIST, PURPOSE)
    first = await bring(leads, *(item(n) for n in range(1, 40)))
    again = await bring(leads, *(item(n) for n in range(1, 40)))
    assert (first["kept"], again["kept"]) == (39, 0)
    assert [each["id"] for each in again["data"]] == [each["id"] for each in first["data"]]
    assert not any("position" in each for each in again["data"])


async def test_of_one_who_is_barred_it_is_said_so(leads: Leads) -> None:
    kept = (await post(leads, "/v1/prospects", item(1))).json()
    await post(leads, f"/v1/prospects/{kept['id']}/bar", {"reason": "Said no."}, version=1)
    await put(leads, LIST, PURPOSE)
    [found] = (await bring(leads, item(1)))["data"]
    assert (found["status"], found["state"], found["id"]) == (200, "barred", kept["id"])


async def test_an_import_is_bounded(leads: Leads) -> None:
    await put(leads, LIST, PURPOSE)
    for count in (0, 1001):
        items = [item(1)] * count
        assert (await post(leads, f"{LIST}/prospects", {"items": items})).status_code == 422


async def test_to_no_list_or_a_closed_one_nobody_is_brought(leads: Leads) -> None:
    answer = await post(leads, f"{LIST}/prospects", {"items": [item(1)]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_list")
    await put(leads, LIST, PURPOSE)
    closed = await post(leads, f"{LIST}/close", {"reason": "over"}, version=1)
    assert closed.json()["state"] == "closed"
    answer = await post(leads, f"{LIST}/prospects", {"items": [item(1)]})
    assert (answer.status_code, answer.json()["code"]) == (409, "list_closed")


async def test_who_is_taken_off_stands_there_no_more(leads: Leads) -> None:
    await put(leads, LIST, PURPOSE)
    ids = [each["id"] for each in (await bring(leads, item(1), item(2)))["data"]]
    off = [ids[0], ids[0], subject("user:shop:9")]
    found = (await post(leads, f"{LIST}/remove", {"ids": off})).json()["data"]
    assert [(each["id"], each["status"]) for each in found] == [(off[0], 200), (off[2], 404)]
    await leads.settle()
    assert await leads.ids("/v1/prospects", list__eq="spring") == [ids[1]]


async def test_a_list_is_promoted_as_a_whole_but_for_those_barred(leads: Leads) -> None:
    await put(leads, LIST, PURPOSE)
    ids = [each["id"] for each in (await bring(leads, *(item(n) for n in range(1, 6))))["data"]]
    await post(leads, f"/v1/prospects/{ids[0]}/bar", {"reason": "Said no."}, version=2)
    await leads.settle()
    body = {"list": "spring", "pipeline": "sales"}
    found = (await post(leads, "/v1/prospects/promote", body)).json()
    assert {each["id"] for each in found["data"]} == {*ids[1:]}
    assert {each["status"] for each in found["data"]} == {201}
    assert found["next"] is None
    await leads.settle()
    there = await leads.get(LIST)
    assert there["prospects"] == {"barred": 1, "promoted": 4}
    assert len(await leads.ids(state__eq="open")) == 4


async def test_lists_are_listed_by_name(leads: Leads) -> None:
    for name in ("winter", "autumn", "spring"):
        await put(leads, f"/v1/target-lists/{name}", PURPOSE if name != "autumn" else FILTERED)
    await leads.settle()
    found = await leads.all_pages("/v1/target-lists", 2)
    states = [(each["name"], each["state"]) for each in found]
    assert states == [("autumn", "filling"), ("spring", "ready"), ("winter", "ready")]


# --- from the profile


class Profile:
    """Answers as profile does: pages of customers by cursor, and what is refused."""

    def __init__(self, count: int) -> None:
        self.asked: list[dict[str, str]] = []
        self.keys: set[str] = set()
        self.refuse: Callable[[int], Response | None] = lambda number: None
        self._ids = [subject(f"user:shop:c{n}") for n in range(count)]

    async def answer(self, request: Request) -> Response:
        self.asked.append(dict(request.query_params))
        self.keys.add(request.headers["authorization"])
        if (refused := self.refuse(len(self.asked))) is not None:
            return refused
        begin = int(request.query_params.get("cursor", 0))
        limit = int(request.query_params["limit"])
        [shown] = documents.CUSTOMERS["data"]
        some = self._ids[begin : begin + limit]
        data = [shown | {"id": id, "name": "Jane" if n % 2 else None} for n, id in enumerate(some)]
        end = begin + limit
        more = str(end) if end < len(self._ids) else None
        return JSONResponse({"data": data, "next_cursor": more})


def settle(leads: Leads, count: int) -> Profile:
    profile = Profile(count)
    leads.site.neighbours.settle(
        "profile", Starlette(routes=[Route("/v1/customers", profile.answer)])
    )
    return profile


async def fill(leads: Leads) -> Any:
    return await post(leads, f"{LIST}/fill", None)


async def test_it_is_filled_from_the_profile_step_by_step(leads: Leads) -> None:
    profile = settle(leads, PAGES * PAGE + 30)
    assert (await put(leads, LIST, FILTERED)).json()["state"] == "filling"
    first = (await fill(leads)).json()
    assert (first["state"], first["seen"], first["kept"]) == ("filling", 1000, 1000)
    second = (await fill(leads)).json()
    assert (second["state"], second["seen"], second["kept"]) == ("ready", 1030, 1030)
    expected = {
        "limit": "200",
        "sort": "first_seen",
        "filter[orders][gte]": "1",
        "filter[last_seen][lte]": "2026-06-01",
    }
    assert profile.asked[0] == expected
    assert profile.keys == {leads.headers("service:app")["Authorization"]}
    assert (await fill(leads)).json()["version"] == second["version"]
    found = await leads.get(f"/v1/prospects/{stream_of(subject('user:shop:c1'))}")
    assert (found["name"], found["source"]) == ("Jane", "/profile/customers")
    assert found["lists"] == ["spring"]


async def test_after_a_failure_it_goes_on_where_it_was(leads: Leads) -> None:
    profile = settle(leads, 3 * PAGE)
    await put(leads, LIST, FILTERED)
    profile.refuse = lambda number: JSONResponse({}, 503) if number == 2 else None
    answer = await fill(leads)
    assert (answer.status_code, answer.json()["code"]) == (503, "profile_unavailable")
    assert (await leads.get(LIST))["seen"] == PAGE
    found = (await fill(leads)).json()
    assert (found["state"], found["seen"], found["kept"]) == ("ready", 3 * PAGE, 3 * PAGE)
    assert [each.get("cursor") for each in profile.asked] == [None, "200", "200", "400"]


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (403, {"code": "forbidden"}, 403, "profile_refused"),
        (422, {"detail": "This is not a moment."}, 422, "filters"),
        (422, [], 422, "filters"),
        (500, {}, 503, "profile_unavailable"),
        (200, {"data": "?"}, 503, "profile_unavailable"),
    ],
)
async def test_what_profile_refuses_is_told(
    leads: Leads, status: int, body: Any, expected: int, code: str
) -> None:
    settle(leads, 1).refuse = lambda number: JSONResponse(body, status)
    await put(leads, LIST, FILTERED)
    answer = await fill(leads)
    assert (answer.status_code, answer.json()["code"]) == (expected, code)
    assert (await leads.get(LIST))["state"] == "filling"


async def test_where_there_is_no_profile_it_is_said_how_to_find_it(leads: Leads) -> None:
    await put(leads, LIST, FILTERED)
    answer = await fill(leads)
    assert answer.status_code == 503
    assert "RAPPORT_PROFILE_URL" in answer.json()["detail"]


async def test_a_list_without_filters_is_not_filled(leads: Leads) -> None:
    await put(leads, LIST, PURPOSE)
    answer = await fill(leads)
    assert (answer.status_code, answer.json()["code"]) == (409, "by_import")
