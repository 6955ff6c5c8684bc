"""Measures of customers, sales and their cost: known answers, and what is behind each number."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from services.leads.commands import DescribeLead, WinLead
from services.leads.decider import ROUTING
from services.leads.decider.routing import STREAM
from services.leads.measuring import documents
from services.leads.measuring.sources import SOURCES
from services.leads.routes import DefineRouting, Member, Route
from shared.database import Pool
from shared.deciding.store import Origin
from shared.messages import Place, Record
from tests.contracts.decided import records
from tests.leads.answering import Leads, answering, defined
from tests.leads.test_api_documents import shape
from tests.leads.told import capture, number
from tests.records import at, subject

DAY = 86_400
JANUARY = {"from": "2026-01-01", "to": "2026-02-01"}
FEBRUARY = {"from": "2026-02-01", "to": "2026-03-01"}
MARCH = {"from": "2026-03-01", "to": "2026-04-01"}
JANE, JOHN, MARY, PAUL = (f"user:shop:{n}" for n in range(1, 5))


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await history(leads)
        yield leads


async def history(leads: Leads) -> None:
    """Jane and John came by the shop in January, Mary by the blog in February, Paul of himself.

    Jane orders for 100 in January, of which 30 come back, and for 50 in February; John orders for
    80 in January and nothing later; Mary subscribes in February; Paul orders in pounds in March.
    """
    owner = {"owner": "representative:7"}
    await leads.carry_out(number(1), capture(1, fields={"country": "GB"}, **owner))
    await leads.carry_out(number(2), capture(2, at=at(2 * DAY), owner="representative:8"))
    late: dict[str, Any] = {"at": at(40 * DAY), "source": "/web/blog"}
    await leads.carry_out(number(3), capture(3, amount=900, currency="EUR", **late, **owner))
    await leads.carry_out(number(3), DescribeLead(fields={"region": "North"}, at=at(41 * DAY)))
    await leads.carry_out(number(2), WinLead(amount=80, currency="EUR", at=at(6 * DAY)))
    await leads.settle()
    lines = [{"sku": "A", "quantity": 2, "cost": 10}, {"sku": "B", "cost": 5}]
    for who, order, day, amount, currency, more in (
        (JANE, "1", 3, 100, "EUR", {"lines": lines}),
        (JOHN, "2", 5, 80, "EUR", {}),
        (JANE, "3", 35, 50, "EUR", {}),
        (JANE, "4", 36, 999, "EUR", {}),
        (PAUL, "5", 60, 70, "GBP", {}),
    ):
        said = {"order": order, "amount": amount, "currency": currency, "namespace": "shop"}
        await leads.tell("order.placed", who, seconds=day * DAY, **said, **more)
    back: dict[str, Any] = {"order": "1", "namespace": "shop", "amount": 30, "currency": "EUR"}
    await leads.tell("order.returned", JANE, seconds=37 * DAY, **back)
    # by the desk, which does not know who ordered
    await leads.tell("order.cancelled", seconds=38 * DAY, order="4", namespace="shop")
    terms: dict[str, Any] = {"subscription": "s", "amount": 10, "currency": "EUR", "term": "P1M"}
    await leads.tell("subscription.started", MARY, seconds=42 * DAY, **terms)
    for day, type_, employee, purpose in (
        (4, "call.placed", "7", "sales"),
        (4, "call.received", "7", "service"),
        (5, "call.placed", "representative:8", "sales"),
        (6, "visit.made", "8", None),
        (7, "email.sent", "8", None),
    ):
        said = {"employee": employee, "purpose": purpose}
        await leads.tell(type_, JANE, seconds=day * DAY, **said)
    costs: list[tuple[tuple[str, ...], int, int, str, dict[str, str]]] = [
        ((), 8, 100, "EUR", {}),
        ((), 9, 51, "EUR", {"purpose": "sales"}),
        ((), 9, 7, "GBP", {"purpose": "retention"}),
        ((JANE,), 9, 7, "EUR", {"purpose": "retention"}),
    ]
    for names, day, amount, currency, about in costs:
        spent = {"amount": amount, "currency": currency, "source": "/web/shop"}
        await leads.tell("cost.recorded", *names, seconds=day * DAY, **spent, **about)


async def measured(leads: Leads, who: str = "service:app", **query: Any) -> Any:
    [found] = (await leads.get("/v1/measures", who, **query))["data"]
    return found


def customers(found: Any) -> dict[str, int]:
    names = ("new", "before", "retained", "churned", "repeat")
    return {name: found["customers"][name]["count"] for name in names}


def by_currency(found: Any, what: str, *names: str) -> dict[str, tuple[Any, ...]]:
    return {each["currency"]: tuple(each[name] for name in names) for each in found[what]}


async def test_customers_are_new_retained_lost_and_come_again(leads: Leads) -> None:
    january, february, march = [
        await measured(leads, **month) for month in (JANUARY, FEBRUARY, MARCH)
    ]
    assert customers(january) == {"new": 2, "before": 0, "retained": 0, "churned": 0, "repeat": 0}
    assert customers(february) == {"new": 1, "before": 2, "retained": 1, "churned": 1, "repeat": 1}
    assert customers(march) == {"new": 1, "before": 2, "retained": 1, "churned": 1, "repeat": 0}
    assert january["customers"]["churn_rate"] is None
    assert february["customers"]["churn_rate"] == 0.5
    assert (march["customers"]["churn_rate"], march["customers"]["churn_reduction"]) == (0.5, 0.0)
    assert january["customers"]["prospective"]["count"] == 0  # all who asked bought by now


async def test_revenue_is_by_currency_less_what_came_back(leads: Leads) -> None:
    names = ("orders", "amount", "returned", "net", "new")
    assert by_currency(await measured(leads, **JANUARY), "revenue", *names) == {
        "EUR": (2, 180, 30, 150, 180)
    }
    assert by_currency(await measured(leads, **FEBRUARY), "revenue", *names) == {
        "EUR": (1, 50, 0, 50, 0)
    }
    assert by_currency(await measured(leads, **MARCH), "revenue", *names) == {
        "GBP": (1, 70, 0, 70, 70)
    }


async def test_what_recurs_is_told_by_year(leads: Leads) -> None:
    names = ("subscriptions", "yearly")
    assert by_currency(await measured(leads, **JANUARY), "recurring", *names) == {}
    assert by_currency(await measured(leads, **FEBRUARY), "recurring", *names) == {"EUR": (1, 120)}
    await leads.tell("subscription.cancelled", MARY, seconds=70 * DAY, subscription="s")
    assert by_currency(await measured(leads, **FEBRUARY), "recurring", *names) == {"EUR": (1, 120)}
    assert by_currency(await measured(leads, **MARCH), "recurring", *names) == {}
    odd = {"subscription": "t", "amount": 10, "currency": "EUR", "term": "a while"}
    await leads.tell("subscription.started", PAUL, seconds=71 * DAY, **odd)
    assert by_currency(await measured(leads, **MARCH), "recurring", *names) == {"EUR": (1, None)}


async def test_costs_are_shared_among_new_leads_and_sales(leads: Leads) -> None:
    january = await measured(leads, **JANUARY)
    assert by_currency(january, "costs", "amount", "per_lead", "per_sale") == {
        "EUR": (158, 50, 151),
        "GBP": (7, 0, 0),
    }
    await leads.tell("cost.recorded", seconds=61 * DAY, amount=5, currency="EUR")
    march = await measured(leads, **MARCH)
    assert by_currency(march, "costs", "amount", "per_lead", "per_sale") == {"EUR": (5, None, None)}


async def test_activity_is_of_the_representative_who_had_it(leads: Leads) -> None:
    january = await measured(leads, **JANUARY)
    assert (january["sales_calls"]["count"], january["sales_calls_per_lead"]) == (3, 1.5)
    found = await leads.get("/v1/measures", by="owner", **JANUARY)
    activity = {
        each["group"]: {kind["type"]: kind["count"] for kind in each["activity"]}
        for each in found["data"]
    }
    assert activity == {
        None: {},
        "representative:7": {"call.placed": 1, "call.received": 1},
        "representative:8": {"call.placed": 1, "visit.made": 1, "email.sent": 1},
    }


async def happens(leads: Leads, type_: str, **data: Any) -> None:
    """Fold an event of ours, as it stands among the contracts."""
    document = records()[f"leads/{type_}"]
    document["data"] |= data
    key = document["partitionkey"].encode()
    await leads.fold(Record(Place("leads.1", 0, 999), key, msgspec.json.encode(document)))


async def test_quotes_that_were_sent_and_steps_that_became_overdue_are_counted(
    leads: Leads,
) -> None:
    await happens(leads, "quote.sent", lead=number(2))
    await happens(leads, "step.became_overdue", owner="representative:8")
    found = await leads.get("/v1/measures", by="owner", **JANUARY)
    counts = {
        each["group"]: (each["proposals"]["count"], each["overdue_steps"]["count"])
        for each in found["data"]
    }
    assert counts == {None: (0, 0), "representative:7": (0, 0), "representative:8": (1, 1)}
    [proposal] = await behind(leads, (await measured(leads, **JANUARY))["proposals"]["query"])
    assert (proposal["kind"], proposal["lead"]) == ("event", number(2))


async def test_value_so_far_is_what_came_in_less_what_it_took(leads: Leads) -> None:
    names = ("customers", "amount", "mean")
    # Jane: 100 - 30 - 25 of her lines - 7 spent on her; John 80
    january = by_currency(await measured(leads, **JANUARY), "lifetime", *names)
    assert january == {"EUR": (2, 118, 59)}
    march = by_currency(await measured(leads, **MARCH), "lifetime", *names)
    assert march == {"EUR": (2, 168, 84), "GBP": (1, 70, 70)}


async def test_a_customer_is_told_by_the_lead_captured_last(leads: Leads) -> None:
    for by, expected in (
        ("source", {"/web/blog": 1, None: 0, "/web/shop": 0}),
        ("country", {None: 1, "GB": 0}),
        ("region", {"North": 1, None: 0}),
    ):
        found = (await leads.get("/v1/measures", by=by, **FEBRUARY))["data"]
        new = {each["group"]: each["customers"]["new"]["count"] for each in found}
        assert new == {name: n for name, n in expected.items() if name in new}, by
        assert sum(new.values()) == 1
    await leads.belongs(subject(JANE), subject(MARY))
    whole = await measured(leads, source__eq="/web/blog", **JANUARY)
    assert by_currency(whole, "revenue", "amount") == {"EUR": (100,)}


async def test_a_team_is_who_is_in_it_now(leads: Leads) -> None:
    teams = {
        "north": (Member("representative:7"),),
        "all": tuple(Member(f"representative:{n}") for n in (7, 8)),
    }
    command = DefineRouting(rules=(Route("rest", owner="9"),), teams=teams, at=at(0))
    await leads.handler.carry_out(
        ROUTING, STREAM, command, Origin("service:app"), partitionkey=STREAM
    )
    found = (await leads.get("/v1/measures", by="team", **JANUARY))["data"]
    new = {each["group"]: each["leads"]["new"]["count"] for each in found}
    assert new == {None: 0, "all": 2, "north": 1}
    for each in found:
        assert await drilled(leads, each) > 8
    assert (await measured(leads, team__eq="north", **JANUARY))["leads"]["new"]["count"] == 1
    assert (await leads.ask("/v1/measures", team__eq="south")).status_code == 422


async def behind(leads: Leads, query: str, who: str = "service:app") -> list[Any]:
    answer = await leads.client.get(query, headers=leads.headers(who))
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["data"]
    return found


async def drilled(leads: Leads, document: Any) -> int:
    """Every number is the number, or the sum, of what its query lists."""
    seen = 0
    if isinstance(document, dict):
        counted = document.get("count", document.get("orders", document.get("subscriptions")))
        if isinstance(counted, int):
            assert len(await behind(leads, document["query"])) == counted, document
            seen += 1
        for amount in ("amount", "yearly"):
            if isinstance(document.get(amount), int):
                listed = [each["amount"] for each in await behind(leads, document["query"])]
                assert sum(map(int, listed)) == document[amount], document
                seen += 1
        document = [*document.values()]
    if isinstance(document, list):
        for part in document:
            seen += await drilled(leads, part)
    return seen


@pytest.mark.parametrize("by", ["", "owner", "source", "pipeline", "product", "country", "region"])
async def test_groups_add_up_and_behind_each_number_is_what_it_counts(
    leads: Leads, by: str
) -> None:
    whole = await measured(leads, **FEBRUARY)
    query: dict[str, Any] = {"by": by, **FEBRUARY}
    found = await leads.get("/v1/measures", **query)
    for each in found["data"]:
        assert await drilled(leads, each) >= 12
    for part, names in (
        ("customers", ("prospective", "new", "before", "retained", "churned", "repeat")),
        ("leads", ("open", "new", "won")),
    ):
        for name in names:
            counted = sum(each[part][name]["count"] for each in found["data"])
            assert counted == whole[part][name]["count"], name
    assert await leads.all_pages("/v1/measures", 1, **query) == found["data"]


@pytest.mark.parametrize(("by", "periods"), [("month", 3), ("week", 13), ("day", 80)])
async def test_periods_are_whole_and_follow_each_other(leads: Leads, by: str, periods: int) -> None:
    query: dict[str, Any] = {"by": by, "from": "2026-01-01", "to": "2026-03-22"}
    found = (await leads.get("/v1/measures", limit=100, **query))["data"]
    assert len(found) in (periods, periods - 1)
    assert all(one["to"] == next_["from"] for one, next_ in pairwise(found))
    assert sum(each["leads"]["new"]["count"] for each in found) == 3
    assert sum(each["customers"]["new"]["count"] for each in found) == 4
    assert await leads.all_pages("/v1/measures", 7, **query) == found
    for each in [each for each in found if each["leads"]["new"]["count"]]:
        assert await drilled(leads, each) >= 8
        if by == "month":
            alone = await measured(leads, **{"from": each["from"], "to": each["to"]})
            assert customers(alone) == customers(each)


async def test_a_representative_sees_numbers_of_their_own(leads: Leads) -> None:
    found = await measured(leads, "representative:8", **JANUARY)
    assert (found["leads"]["new"]["count"], found["customers"]["new"]["count"]) == (1, 1)
    assert by_currency(found, "revenue", "amount") == {"EUR": (80,)}
    assert (found["sales_calls"]["count"], found["costs"]) == (2, [])
    listed = await behind(leads, found["leads"]["new"]["query"], "representative:8")
    assert [each["id"] for each in listed] == [number(2)]


async def test_what_is_of_another_kind_than_it_should_be_is_not_there(leads: Leads) -> None:
    before = await leads.get("/v1/measures", by="source", **JANUARY)
    for type_, fields in (
        ("order.placed", {"order": 7, "amount": 5, "currency": "EUR"}),
        ("order.placed", {"order": "x", "amount": "5", "currency": "EUR"}),
        ("order.placed", {"order": "x", "amount": 5, "currency": "EURO"}),
        ("order.returned", {"order": "1", "namespace": "shop", "amount": -1}),
        ("order.returned", {"order": "1", "namespace": "shop", "amount": 5, "currency": "GBP"}),
        ("subscription.started", {"subscription": ["s"], "amount": 5, "currency": "EUR"}),
        ("cost.recorded", {"amount": 5.5, "currency": "EUR"}),
        ("cost.recorded", {"amount": 5, "source": "/web/shop"}),
    ):
        await leads.tell(type_, seconds=3 * DAY, **fields)
    assert await leads.get("/v1/measures", by="source", **JANUARY) == before


async def test_what_cannot_be_measured_is_refused(leads: Leads) -> None:
    for wrong in (
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "0002-01-01", "to": "0002-02-01"},
        {"from": "soon"},
        {"by": "channel"},
        {"filter[reason][eq]": "price"},
    ):
        assert (await leads.ask("/v1/measures", **wrong)).status_code == 422, wrong
    assert (await leads.ask("/v1/measures/behind")).status_code == 422
    assert (await leads.ask("/v1/measures/behind", what="nothing")).status_code == 422


async def test_every_source_lists_what_it_counts_page_by_page(leads: Leads) -> None:
    for what in SOURCES:
        if what.startswith("earlier_"):  # behind a rate alone
            assert (await leads.ask("/v1/measures/behind", what=what)).status_code == 422
            continue
        query: dict[str, Any] = {"what": what, "from": "2026-01-01", "to": "2026-04-01"}
        whole = (await leads.get("/v1/measures/behind", **query))["data"]
        assert await leads.all_pages("/v1/measures/behind", 2, **query) == whole
        moments = [each["at"] or "" for each in whole]
        assert moments == sorted(moments, reverse=True)


async def test_the_documents_shown_have_the_shape_of_real_ones(leads: Leads) -> None:
    found = await measured(leads, **JANUARY)
    found["recurring"] = (await measured(leads, **FEBRUARY))["recurring"]
    assert shape(found) == shape(documents.MEASURES["data"][0])
    listed = await leads.get("/v1/measures/behind", what="orders", **JANUARY)
    assert shape(listed) == shape(documents.BEHIND)
