"""Scores that explain themselves, and measures with the leads behind each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.commands import (
    DefineScoring,
    LoseLead,
    MergeLead,
    MoveLead,
    ReopenLead,
    UnmergeLead,
    WinLead,
)
from services.leads.decider import LEAD, ROUTING, SCORING
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.decider.scoring import STREAM
from services.leads.events import RuleSet, Thresholds
from services.leads.routes import DefineRouting, Member, Route
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import RULES, SALES
from tests.leads.told import capture, five, move, number
from tests.records import at, subject

DAY = 86_400
JANE, MAIL = "user:shop:1", "email:jane@x"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


# --- scores


async def ruled(leads: Leads, rules: RuleSet = RULES, seconds: float = 0) -> None:
    command = DefineScoring(rules=rules, at=at(seconds))
    await leads.handler.carry_out(
        SCORING, STREAM, command, Origin("service:app"), partitionkey=STREAM
    )
    await leads.settle()


async def scored(leads: Leads, **moments: str) -> Any:
    return await leads.get(f"/v1/leads/{number(1)}/score", **moments)


async def test_every_point_of_a_score_is_explained(leads: Leads) -> None:
    await ruled(leads)
    await leads.carry_out(number(1), capture(1))
    await leads.settle()
    await leads.tell("quote.requested", JANE, id="q", seconds=0)
    await leads.tell("product.viewed", MAIL, seconds=30 * DAY)
    await leads.tell("page.viewed", JANE)
    traits = {"country": "GB", "employees": 60, "gone": None}
    await leads.tell("customer.described", JANE, traits=traits)
    await leads.belongs(subject(MAIL), subject(JANE))
    found = await scored(leads, as_of=at(30 * DAY))
    assert (found["lead"], found["customer"]) == (number(1), subject(JANE))
    assert (found["as_of"], found["known_at"], found["version"]) == (at(30 * DAY), None, 1)
    parts = [(part["rule"], part["points"]) for part in found["parts"]]
    assert parts == [("home", 5.0), ("big", 20.0), ("quote", 15.0), ("look", 10.0)]
    assert found["score"] == sum(points for _, points in parts) == 50.0
    assert (found["grade"], found["hot"]) == ("B", True)
    [quote] = [part for part in found["parts"] if part["rule"] == "quote"]
    assert (quote["given"], quote["age"], quote["found"]) == (30, 30.0, "quote.requested")


async def test_a_score_as_of_a_moment_is_by_the_rules_and_events_of_then(leads: Leads) -> None:
    await ruled(leads)
    await leads.carry_out(number(1), capture(1, at=at(10)))
    await leads.settle()
    later = {"id": "late", "seconds": 20, "recorded": 2 * DAY}
    await leads.tell("quote.requested", JANE, **later)
    await leads.tell("customer.described", JANE, seconds=30, traits={"country": "GB"})
    await leads.tell("customer.described", JANE, seconds=3 * DAY, traits={"country": "FR"})
    other = RuleSet((), RULES.engagement, 15, Thresholds(9, 6, 3), 5)
    await ruled(leads, other, seconds=4 * DAY)

    def rules(found: Any) -> list[str]:
        return [part["rule"] for part in found["parts"]]

    assert rules(await scored(leads, as_of=at(15))) == []
    assert rules(await scored(leads, as_of=at(25))) == ["quote"]
    assert rules(await scored(leads, as_of=at(25), known_at=at(DAY))) == []
    assert rules(await scored(leads, as_of=at(35))) == ["home", "quote"]
    assert rules(await scored(leads, known_at=at(DAY))) == ["home"]
    assert rules(await scored(leads, as_of=at(3 * DAY))) == ["quote"]
    last = await scored(leads)
    assert (last["version"], rules(last)) == (2, ["quote"])


async def test_a_cap_takes_away_what_is_over_it(leads: Leads) -> None:
    await ruled(leads)
    await leads.carry_out(number(1), capture(1))
    await leads.settle()
    for n in range(4):
        await leads.tell("product.viewed", JANE, id=f"v{n}", seconds=5)
    found = await scored(leads, as_of=at(5))
    assert [part["points"] for part in found["parts"]] == [10.0] * 4 + [-15.0]
    assert found["parts"][-1] == {
        "kind": "cap",
        "rule": "looking",
        "group": "looking",
        "given": 25,
        "points": -15.0,
    }
    assert found["score"] == 25.0


async def test_what_has_no_score_says_why(leads: Leads) -> None:
    await leads.carry_out(number(1), capture(1, at=at(10), owner="representative:7"))
    await leads.settle()
    path = f"/v1/leads/{number(1)}/score"
    assert (await leads.ask(path)).json()["code"] == "no_rules"
    await ruled(leads, seconds=20)
    assert (await leads.ask(path, as_of=at(15))).json()["code"] == "no_rules"
    assert (await leads.ask(path, as_of=at(5))).json()["code"] == "not_yet"
    assert (await leads.ask(path, as_of="2999-01-01T00:00:00Z")).status_code == 422
    assert (await leads.ask(path, as_of="then")).status_code == 422
    assert (await leads.ask(path, "representative:7")).status_code == 200
    assert (await leads.ask(path, "representative:8")).status_code == 404
    assert (await leads.ask(f"/v1/leads/{number(2)}/score")).status_code == 404


# --- measures

PERIOD = {"from": "2026-01-01", "to": "2026-02-01"}


async def measured(leads: Leads, **query: Any) -> Any:
    [found] = (await leads.get("/v1/leads/measures", **(PERIOD | query)))["data"]
    return found


async def behind(leads: Leads, query: str) -> list[str]:
    """The leads that a query lists."""
    answer = await leads.client.get(f"/v1/leads?{query}", headers=leads.headers("service:app"))
    assert answer.status_code == 200, answer.text
    return sorted(each["id"] for each in answer.json()["data"])


async def drilled(leads: Leads, document: Any) -> int:
    """Every number that counts leads is the number of leads that its query lists."""
    seen = 0
    if isinstance(document, dict):
        counted = document.get("leads", document.get("reached"))
        if "query" in document and isinstance(counted, int):
            assert len(await behind(leads, document["query"])) == counted, document
            seen += 1
        document = [*document.values()]
    if isinstance(document, list):
        for part in document:
            seen += await drilled(leads, part)
    return seen


KENT = {"country": "GB", "region": "Kent"}


async def many(leads: Leads) -> None:
    """The five, some of them in other ways; in February two more."""
    await five(leads)
    await leads.carry_out(number(6), capture(6, source="/web/blog", product="POT-2", fields=KENT))
    await leads.carry_out(number(6), WinLead(amount=900, currency="GBP", at=at(2 * DAY + 6)))
    await leads.carry_out(number(7), capture(7, at=at(40 * DAY), amount=50, currency="EUR"))
    await leads.carry_out(number(8), capture(8, at=at(41 * DAY)))
    await leads.carry_out(number(8), LoseLead(pipeline=SALES, reason="no answer", at=at(42 * DAY)))
    await leads.settle()


async def test_the_numbers_of_a_period(leads: Leads) -> None:
    await many(leads)
    found = await measured(leads)
    assert found["group"] is None
    assert (found["open"]["leads"], found["new"]["leads"]) == (4, 6)
    [euros] = found["open"]["amounts"]
    assert (euros["leads"], euros["amount"]) == (3, 5050)
    assert euros["weighted"] == (2000 * 20 + 3000 * 60 + 50 * 5 + 50) // 100
    assert [(each["currency"], each["amount"]) for each in found["won"]["amounts"]] == [
        ("EUR", 4000),
        ("GBP", 900),
    ]
    assert (found["won"]["leads"], found["lost"]["leads"]) == (2, 1)
    assert found["closing_rate"]["value"] == round(2 / 3, 4)
    assert found["cycle_days"]["value"] == round((2 + 9 / DAY) / 2, 3)  # the median of two
    [reason], [competitor] = found["lost"]["reasons"], found["lost"]["competitors"]
    assert (reason["reason"], reason["leads"]) == ("price", 1)
    assert (competitor["competitor"], competitor["leads"]) == ("Pots & Co", 1)
    board = await leads.get("/v1/boards/sales")
    assert board["amounts"] == [{n: euros[n] for n in ("currency", "leads", "amount", "weighted")}]


@pytest.mark.parametrize(
    "by",
    [
        *("", "pipeline", "owner", "team", "source", "product", "country", "region"),
        *("day", "week", "month"),
    ],
)
async def test_behind_each_number_there_are_its_leads(leads: Leads, by: str) -> None:
    await many(leads)
    await teamed(leads, north=("representative:7",))
    query: dict[str, Any] = {"from": "2026-01-01", "to": "2026-03-01", "pipeline__eq": "sales"}
    for narrowed in (query, query | {"owner__eq": ["representative:7", "representative:8"]}):
        found = await leads.get("/v1/leads/measures", by=by, **narrowed)
        assert await drilled(leads, found) >= 8
        listed = await leads.all_pages("/v1/leads/measures", 1, by=by, **narrowed)
        assert listed == found["data"]
        total = await leads.get("/v1/leads/measures", **narrowed)
        for what in ("new", "won", "lost"):
            [whole] = total["data"]
            assert sum(each[what]["leads"] for each in found["data"]) == whole[what]["leads"]


async def teamed(leads: Leads, **teams: tuple[str, ...]) -> None:
    members = {name: tuple(map(Member, some)) for name, some in teams.items()}
    command = DefineRouting(rules=(Route("rest", owner="9"),), teams=members, at=at(0))
    await leads.handler.carry_out(
        ROUTING, ROUTES, command, Origin("service:app"), partitionkey=ROUTES
    )
    await leads.settle()


async def test_who_is_in_two_teams_counts_in_both(leads: Leads) -> None:
    await many(leads)
    await teamed(leads, north=("representative:7",), all=("representative:7", "representative:8"))
    found = (await leads.get("/v1/leads/measures", by="team", **PERIOD))["data"]
    new = {each["group"]: each["new"]["leads"] for each in found}
    assert new == {None: 1, "all": 5, "north": 2}
    mine = await leads.get("/v1/leads", team__eq="north")
    assert {each["owner"] for each in mine["data"]} == {"representative:7"}
    assert (await leads.ask("/v1/leads", team__eq="south")).status_code == 422
    assert await leads.ids("/v1/leads", country__eq="GB") == [number(6)]


async def test_numbers_are_told_apart(leads: Leads) -> None:
    await many(leads)
    sources = (await leads.get("/v1/leads/measures", by="source", **PERIOD))["data"]
    assert [(each["group"], each["new"]["leads"]) for each in sources] == [
        ("/web/blog", 1),
        ("/web/shop", 5),
    ]
    products = (await leads.get("/v1/leads/measures", by="product", **PERIOD))["data"]
    assert [each["group"] for each in products] == [None, "POT-2"]
    late = {"from": "2026-01-15", "to": "2026-03-01"}
    months = await leads.get("/v1/leads/measures", by="month", **late)
    assert [(each["group"], each["new"]["leads"], each["open"]) for each in months["data"]] == [
        ("2026-02-01", 2, None)
    ]


async def test_the_funnel_of_a_pipeline(leads: Leads) -> None:
    await five(leads)
    await leads.carry_out(
        number(3),
        MoveLead(pipeline=SALES, stage="contacted", at=at(12 + DAY)),
        WinLead(at=at(12 + 3 * DAY)),
    )
    await leads.settle()
    whole = await leads.get("/v1/leads/measures", pipeline__eq="sales", **PERIOD)
    new, contacted, offer, won = whole["funnel"]
    assert [each["reached"] for each in whole["funnel"]] == [5, 3, 2, 2]
    assert [each["stage"] for each in whole["funnel"]] == ["new", "contacted", "offer", None]
    assert (new["conversion"], contacted["conversion"]) == (0.6, round(2 / 3, 4))
    assert (offer["conversion"], won["conversion"]) == (1.0, None)
    assert (offer["days"], contacted["days"]) == (1.0, 2.0)
    assert await behind(leads, contacted["query"]) == [number(n) for n in (2, 3, 4)]
    assert (await leads.get("/v1/leads/measures", **PERIOD))["funnel"] is None


async def test_what_is_open_again_counts_as_open_and_what_was_merged_nowhere(leads: Leads) -> None:
    await five(leads)
    await leads.carry_out(number(5), ReopenLead(pipeline=SALES, reason="called", at=at(20)))
    target = (await leads.handler.load(LEAD, number(2))).state
    merge = MergeLead(lead=number(1), into=number(2), target=target, at=at(21))
    await leads.carry_out(number(1), merge)
    await leads.settle()
    found = await measured(leads, pipeline__eq="sales")
    assert (found["open"]["leads"], found["new"]["leads"], found["lost"]["leads"]) == (3, 4, 0)
    await leads.carry_out(number(1), UnmergeLead(at=at(22)), move("contacted", 23))
    await leads.settle()
    whole = await leads.get("/v1/leads/measures", pipeline__eq="sales", **PERIOD)
    assert whole["data"][0]["new"]["leads"] == 5
    assert await drilled(leads, whole) >= 8
    [new] = [each for each in whole["funnel"] if each["stage"] == "new"]
    assert new["days"] is not None


async def test_a_period_that_cannot_be_measured_is_refused(leads: Leads) -> None:
    for wrong in (
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"from": "soon"},
        {"by": "channel"},
    ):
        assert (await leads.ask("/v1/leads/measures", **wrong)).status_code == 422, wrong
    assert (await leads.ask("/v1/leads/measures", pipeline__eq="none")).status_code == 404
    assert (await leads.get("/v1/leads/measures"))["data"] == []
