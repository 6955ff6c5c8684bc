"""Accounts: the chart of an organisation, notes, and the open leads of its people."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.accounts.commands import PlacePerson
from services.leads.accounts.decider import ACCOUNT, MOST_PEOPLE, account_of, stream_of
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import send
from tests.leads.told import capture, number
from tests.records import at, subject

ACME = account_of("crm", "acme")
PATH = f"/v1/accounts/{ACME}"
ANN, BOB, CID = (subject(f"user:shop:{each}") for each in ("ann", "bob", "cid"))


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        body = {"organisation": {"namespace": "crm", "id": "acme"}, "name": "Acme Ltd"}
        answer = await send(leads, "/v1/accounts", body, method="PUT")
        assert (answer.status_code, answer.json()["account"]) == (200, ACME)
        yield leads


async def place(leads: Leads, who: str, above: str | None, version: int, **fields: Any) -> Any:
    body = {"name": who[:4], "role": "buyer", "reports_to": above} | fields
    return await send(leads, f"{PATH}/people/{who}", body, version=version, method="PUT")


def tree(chart: Any) -> Any:
    return {each["person"]: tree(each["reports"]) for each in chart}


async def test_the_chart_is_a_tree(leads: Leads) -> None:
    for version, (who, above) in enumerate([(ANN, None), (BOB, ANN), (CID, BOB)], 1):
        assert (await place(leads, who, above, version)).status_code == 200
    assert tree((await leads.get(PATH))["chart"]) == {ANN: {BOB: {CID: {}}}}
    left = await send(leads, f"{PATH}/people/{BOB}", None, version=4, method="DELETE")
    assert tree(left.json()["chart"]) == {ANN: {CID: {}}}
    moved = await place(leads, CID, None, 5, role="director")
    assert tree(moved.json()["chart"]) == {ANN: {}, CID: {}}


async def test_nobody_reports_to_themselves_however_far_up(leads: Leads) -> None:
    for version, (who, above) in enumerate([(ANN, None), (BOB, ANN), (CID, BOB)], 1):
        await place(leads, who, above, version)
    for above in (ANN, BOB, CID):
        answer = await place(leads, ANN, above, 4)
        assert (answer.status_code, answer.json()["code"]) == (409, "cycle")
    stranger = await place(leads, ANN, subject("user:shop:nobody"), 4)
    assert stranger.json()["errors"][0]["code"] == "unknown_person"
    assert (await place(leads, ANN, None, 3, role="x")).status_code == 412
    answer = await send(leads, f"{PATH}/people/{ANN}", {"name": "A", "role": "b"}, method="PUT")
    assert answer.status_code == 428


async def test_it_is_called_otherwise_for_the_version_that_was_seen(leads: Leads) -> None:
    def named(name: str) -> Any:
        return {"organisation": {"namespace": "crm", "id": "acme"}, "name": name}

    again = await send(leads, "/v1/accounts", named("Acme Ltd"), method="PUT")
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    blind = await send(leads, "/v1/accounts", named("Acme plc"), method="PUT")
    assert blind.status_code == 428
    other = await send(leads, "/v1/accounts", named("Acme plc"), method="PUT", version=1)
    assert (other.status_code, other.json()["name"]) == (200, "Acme plc")
    stale = await send(leads, "/v1/accounts", named("Acme AG"), method="PUT", version=1)
    assert stale.status_code == 412
    assert (await leads.get(PATH))["name"] == "Acme plc"


async def test_a_chart_may_be_as_deep_as_it_has_people(leads: Leads) -> None:
    people = [subject(f"user:shop:p{n}") for n in range(MOST_PEOPLE)]
    above = None
    for version, who in enumerate(people, 1):
        command = PlacePerson(person=who, name="N", role="r", reports_to=above, at=at(version))
        await leads.handler.carry_out(
            *(ACCOUNT, stream_of(ACME), command, Origin("service:app")), partitionkey=ACME
        )
        above = who
    [top] = (await leads.get(PATH))["chart"]
    depth = 1
    while top["reports"]:
        [top] = top["reports"]
        depth += 1
    assert (depth, top["person"]) == (MOST_PEOPLE, people[-1])
    one_more = await place(leads, ANN, above, MOST_PEOPLE + 1)
    assert (one_more.status_code, one_more.json()["code"]) == (409, "too_many")
    under_itself = await place(leads, people[0], above, MOST_PEOPLE + 1)
    assert under_itself.json()["code"] == "cycle"


async def test_notes_are_paged_the_latest_first(leads: Leads) -> None:
    for n in range(5):
        await send(leads, f"{PATH}/notes", {"text": f"Note {n}"}, "representative:7")
    await leads.settle()
    found = await leads.all_pages(f"{PATH}/notes", 2)
    assert [each["text"] for each in found] == [f"Note {n}" for n in (4, 3, 2, 1, 0)]
    assert {each["actor"] for each in found} == {"representative:7"}


async def test_open_leads_of_all_its_people_with_sums_by_currency(leads: Leads) -> None:
    await place(leads, ANN, None, 1)
    acme = {"namespace": "crm", "id": "acme", "name": "Acme"}
    await leads.tell("membership.changed", "user:shop:bob", organisation=acme, role="buyer")
    wrong: list[Any] = [None, "acme", {"id": 5}, {"id": ""}, []]
    for broken in wrong:
        await leads.tell("membership.changed", "user:shop:zed", organisation=broken, role=7)
    for n, (who, money) in enumerate(
        [
            ("user:shop:ann", {"amount": 100, "currency": "EUR"}),
            ("user:shop:bob", {"amount": 50, "currency": "EUR"}),
            ("email:bob@x", {"amount": 7, "currency": "GBP"}),
            ("user:shop:else", {"amount": 1, "currency": "EUR"}),
        ],
        1,
    ):
        await leads.carry_out(number(n), capture(n, who, **money, owner=f"representative:{6 + n}"))
    await leads.belongs(subject("email:bob@x"), BOB)
    await leads.settle()
    found = await leads.get(PATH)
    assert [(each["person"], each["role"]) for each in found["members"]] == [(BOB, "buyer")]
    assert found["amounts"] == [
        {"currency": "EUR", "leads": 2, "amount": 150},
        {"currency": "GBP", "leads": 1, "amount": 7},
    ]
    assert [each["id"] for each in found["open_leads"]] == [number(n) for n in (3, 2, 1)]
    mine = await leads.get(PATH, "representative:7")
    assert [each["id"] for each in mine["open_leads"]] == [number(1)]
    await leads.tell("membership.changed", "user:shop:bob", organisation=acme, member=False)
    assert len((await leads.get(PATH))["open_leads"]) == 1


async def test_one_account_is_no_page(leads: Leads) -> None:
    for name in ("limit", "cursor"):
        answer = await leads.ask(PATH, **{name: "1"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_what_is_not_there_and_what_is_wrong_is_refused(leads: Leads) -> None:
    other = f"/v1/accounts/{account_of('crm', 'other')}"
    assert (await leads.ask(other)).status_code == 404
    assert (await leads.ask(f"{other}/notes")).status_code == 404
    assert (await send(leads, f"{other}/notes", {"text": "x"})).status_code == 404
    for body, pointer in (
        ({"organisation": {"id": ""}, "name": "A"}, "/organisation/id"),
        ({"organisation": {"id": "a"}, "name": ""}, "/name"),
        ({"organisation": {"id": "a"}, "name": " "}, "/name"),
    ):
        answer = await send(leads, "/v1/accounts", body, method="PUT")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
