"""Forecasts: known answers, as of any moment the fold of the events of then, and how they moved."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typing_extensions import override

from services.leads.catalogue.pricing import Line, Priced, PricedLine
from services.leads.commands import (
    AssignLead,
    ChangePipeline,
    DescribeLead,
    LoseLead,
    MoveLead,
    ReopenLead,
    WinLead,
)
from services.leads.consumers import decided
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.pipeline import defined as defined_of
from services.leads.decider.pipeline import stream_of
from services.leads.events import Stage
from services.leads.forecasting import documents, moving, queries
from services.leads.forecasting.moving import Days
from services.leads.forecasting.queries import Asked, Levels
from services.leads.quotes.events import Content, OpportunityDescribed
from services.leads.states import Lost, Open, Pipeline, Unknown, Won
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import SCHEMA, Leads, answering, defined
from tests.leads.examples import REASONS, SALES
from tests.leads.histories import LEADS, SAID, History
from tests.leads.test_api_documents import shape
from tests.leads.told import capture, number
from tests.records import START, at, record

DAY = 86_400


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


def expects(month: str, amount: int | None, days: float, currency: str = "EUR") -> DescribeLead:
    money: dict[str, Any] = {"amount": amount, "currency": currency if amount is not None else None}
    return DescribeLead(expected_close=f"{month}-15", at=at(days * DAY), **money)


async def many(leads: Leads) -> None:
    """Six leads of January: 1 to 3 expected in February, one in each stage; 4 in March, 5 on no
    day, 6 was won in February; 7 was won the year before."""
    for n, owner in enumerate((7, 8, 7, 7, 8, 8), 1):
        begun = capture(n, at=at(n), owner=f"representative:{owner}", product=f"P{n % 2}")
        await leads.carry_out(number(n), begun)
    for n in (1, 2, 3):
        await leads.carry_out(number(n), expects("2026-02", n * 1000, 1))
    await leads.carry_out(number(2), to("contacted", 2))
    budget = DescribeLead(fields={"budget": 7}, at=at(2 * DAY))
    await leads.carry_out(number(3), budget, to("offer", 2))
    await leads.carry_out(number(4), expects("2026-03", 500, 1, "GBP"))
    await leads.carry_out(number(5), DescribeLead(amount=70, currency="EUR", at=at(DAY)))
    await leads.carry_out(number(6), expects("2026-02", 900, 1))
    await leads.carry_out(number(6), WinLead(at=at(35 * DAY), amount=800))
    await leads.carry_out(number(7), capture(7, at=at(-340 * DAY), amount=50, currency="EUR"))
    await leads.carry_out(number(7), WinLead(at=at(-330 * DAY)))
    await leads.settle()


def to(stage: str, days: float) -> MoveLead:
    return MoveLead(pipeline=SALES, stage=stage, at=at(days * DAY))


MONTHS: dict[str, Any] = {"from": "2026-02-01", "to": "2026-04-01"}
CLASSES = ("commit", "best_case", "pipeline", "left_out", "won", "last_year")


def amounts(row: Any) -> dict[str, int]:
    return {name: row[name]["amount"] for name in CLASSES if row[name]["amount"]}


async def test_a_forecast_by_month_and_currency(leads: Leads) -> None:
    await many(leads)
    found = await leads.get("/v1/forecast", **MONTHS)
    rows = {(row["month"], row["currency"]): row for row in found["data"]}
    assert {key: amounts(row) for key, row in rows.items()} == {
        ("2026-02-01", "EUR"): {
            "best_case": 3000,
            "pipeline": 3000,
            "won": 800,
            "last_year": 50,
        },
        ("2026-03-01", "GBP"): {"pipeline": 500},
        (None, "EUR"): {"pipeline": 70},
    }
    february = rows["2026-02-01", "EUR"]
    assert february["weighted"] == (1000 * 5 + 2000 * 20 + 3000 * 60 + 50) // 100
    assert february["expected"] == february["weighted"] + 800
    higher = await leads.get("/v1/forecast", commit=60, best_case=20, pipeline=6, **MONTHS)
    assert amounts(higher["data"][0]) == {
        "commit": 3000,
        "best_case": 2000,
        "left_out": 1000,
        "won": 800,
        "last_year": 50,
    }
    assert higher["data"][0]["weighted"] == (2000 * 20 + 3000 * 60) // 100


@pytest.mark.parametrize("by", ["", "owner", "pipeline", "source", "product", "category"])
async def test_behind_each_sum_there_are_its_leads(leads: Leads, by: str) -> None:
    await many(leads)
    for more in ({}, {"as_of": at(20 * DAY)}, {"commit": "60", "pipeline__eq": "sales"}):
        found = await leads.get("/v1/forecast", by=by, **MONTHS, **more)
        assert found["data"]
        for row in found["data"]:
            for name in CLASSES:
                answer = await leads.client.get(
                    row[name]["query"], headers=leads.headers("service:app")
                )
                assert answer.status_code == 200, answer.text
                listed = answer.json()["data"]
                assert len(listed) == row[name]["leads"], row[name]
                assert sum(each["amount"] for each in listed) == row[name]["amount"]
        whole = await leads.get("/v1/forecast", **MONTHS, **more)
        for name in CLASSES:
            total = sum(row[name]["amount"] for row in whole["data"])
            assert sum(row[name]["amount"] for row in found["data"]) == total
        assert await leads.all_pages("/v1/forecast", 1, by=by, **MONTHS, **more) == found["data"]


async def opportunity(
    leads: Leads, n: int, version: int, days: float, *lines: tuple[str, str, int]
) -> None:
    """Fold that a lead was said to be made of these lines: sku, category, amount."""
    each = PricedLine("", "", "piece", 1, None, 0, 0, 0)
    content = Content(
        lines=tuple(Line(sku, 1) for sku, _, _ in lines),
        priced=Priced(
            tuple(replace(each, sku=sku, amount=amount) for sku, _, amount in lines),
            *(sum(amount for _, _, amount in lines), "EUR", "standard", 1, "2026-01-01"),
        ),
        currency="EUR",
        categories={sku: category for sku, category, _ in lines},
    )
    body = OpportunityDescribed(number(n), content, ("lines",), at=at(days * DAY))
    told = msgspec.json.decode(msgspec.json.encode(body))
    made = record(
        *("opportunity.described", "user:shop:1"),
        id=f"o{n}/{version}",
        seconds=days * DAY,
        topic="leads.1",
    )
    document = msgspec.json.decode(made.value)
    document |= {"stream": number(100 + n), "streamversion": version, "sequence": "0" * 16}
    document |= {"source": "/leads", "data": told}
    await leads.fold(made._replace(value=msgspec.json.encode(document)))


async def test_a_lead_is_in_as_many_products_and_categories_as_it_has_lines(leads: Leads) -> None:
    await many(leads)
    await opportunity(leads, 1, 1, 2, ("A", "pots", 300), ("B", "pots", 500), ("C", "cups", 100))
    await opportunity(leads, 2, 1, 2, ("A", "pots", 2500))  # more than what is expected
    await opportunity(leads, 2, 2, 50)

    for when in (10, 60):
        for name in ("product", "category"):
            query = {"by": name, "as_of": at(when * DAY), **MONTHS}
            found = (await leads.get("/v1/forecast", **query))["data"]
            whole = await leads.get("/v1/forecast", as_of=at(when * DAY), **MONTHS)
            for what in CLASSES:
                total = sum(row[what]["amount"] for row in whole["data"])
                assert sum(row[what]["amount"] for row in found) == total
                for row in found:
                    path = row[what]["query"]
                    answer = await leads.client.get(path, headers=leads.headers("service:app"))
                    listed = answer.json()["data"]
                    assert len(listed) == row[what]["leads"]
                    assert sum(each["amount"] for each in listed) == row[what]["amount"]
    now = await leads.get("/v1/forecast", by="category", **MONTHS)
    euros = {
        row["group"]: (row["pipeline"]["leads"], row["pipeline"]["amount"])
        for row in now["data"]
        if row["currency"] == "EUR" and row["month"]
    }
    assert euros == {"pots": (1, 800), "cups": (1, 100), None: (2, 2100)}
    pots = {"what": "pipeline", "month": "2026-02-01", "currency": "EUR", "category__eq": "pots"}
    [listed] = (await leads.get("/v1/forecast/leads", **pots))["data"]
    assert (listed["id"], listed["amount"]) == (number(1), 800)
    assert (listed["product"], listed["category"]) == (None, "pots")
    then = await leads.get("/v1/forecast/leads", as_of=at(10 * DAY), **pots)
    assert [each["amount"] for each in then["data"]] == [800, 2500]


async def test_the_leads_of_a_sum_come_in_pages(leads: Leads) -> None:
    await many(leads)
    query = {"what": "pipeline", "month": "2026-02-10", "currency": "EUR"}
    listed = await leads.all_pages("/v1/forecast/leads", 1, **query)
    assert [each["id"] for each in listed] == [number(1), number(2)]
    document = await leads.get("/v1/forecast/leads", limit=1, **query)
    assert shape(document) == shape(documents.LEADS)
    assert listed[0]["probability"] == 5


async def test_a_forecast_as_of_a_moment_is_by_what_had_happened(leads: Leads) -> None:
    await many(leads)
    change = ChangePipeline(
        stages=(Stage("new", 80), Stage("contacted", 20), Stage("offer", 60)),
        reasons=REASONS,
        at=at(30 * DAY),
    )
    stream = stream_of("sales")
    await leads.handler.carry_out(
        PIPELINE, stream, change, Origin("service:app"), partitionkey=stream
    )
    later = AssignLead(owner="representative:8", reason="so", at=at(31 * DAY))
    await leads.carry_out(number(1), later)
    await leads.settle()

    async def asked(days: float, **query: Any) -> list[dict[str, int]]:
        found = await leads.get("/v1/forecast", as_of=at(days * DAY), **MONTHS, **query)
        return [amounts(row) for row in found["data"] if row["month"] == "2026-02-01"]

    assert await asked(0.5) == [{"last_year": 50}]
    assert await asked(1.5) == [{"pipeline": 6900, "last_year": 50}]
    assert await asked(20) == [{"best_case": 3000, "pipeline": 3900, "last_year": 50}]
    assert await asked(30) == [
        {"commit": 1900, "best_case": 3000, "pipeline": 2000, "last_year": 50}
    ]
    mine = {"owner__eq": "representative:7"}
    assert await asked(30, **mine) == [{"commit": 1000, "best_case": 3000}]
    assert await asked(32, **mine) == [{"best_case": 3000}]
    now = await leads.get("/v1/forecast", **MONTHS)
    then = await leads.get("/v1/forecast", as_of=at(40 * DAY), **MONTHS)
    assert [amounts(row) for row in now["data"]] == [amounts(row) for row in then["data"]]


async def test_how_a_month_moved_and_what_came_of_its_forecast(leads: Leads) -> None:
    await many(leads)
    for n in (8, 9):
        await leads.carry_out(number(n), capture(n, at=at(20 * DAY)))
        await leads.carry_out(number(n), expects("2026-02", 10 * n, 21))
    await leads.carry_out(number(9), WinLead(at=at(40 * DAY)))
    await leads.carry_out(number(1), expects("2026-04", 1000, 22))
    await leads.carry_out(number(2), expects("2026-02", 2500, 22))
    lost = LoseLead(pipeline=SALES, reason="price", at=at(23 * DAY))
    await leads.carry_out(number(3), lost)
    await leads.carry_out(number(4), expects("2026-02", 500, 24, "GBP"))
    await leads.settle()
    moments = {"month": "2026-02-28", "from": at(10 * DAY), "to": at(59 * DAY)}
    found = await leads.get("/v1/forecast/moves", **moments)
    assert shape(found) == shape(documents.MOVES) | {"data": shape(found)["data"]}
    assert found["data"][0].keys() == documents.MOVES["data"][0].keys()
    kinds = {(each["lead"], each["kind"]): each["difference"] for each in found["data"]}
    assert kinds == {
        (number(1), "slipped_out"): -1000,
        (number(2), "raised"): 500,
        (number(3), "lost"): -3000,
        (number(4), "pulled_in"): 500,
        (number(6), "won"): -900,
        (number(8), "came_in"): 80,
        (number(9), "won_unforecast"): 0,
    }
    euros, pounds = found["currencies"]
    assert (euros["before"]["total"], euros["after"]["total"]) == (6900, 2580)
    assert (euros["before"]["won"], euros["after"]["won"]) == (0, 890)
    assert (pounds["before"]["total"], pounds["after"]["total"]) == (0, 500)
    [won] = [each for each in euros["moves"] if each["kind"] == "won"]
    assert (won["leads"], won["difference"], won["won"]) == (1, -900, 800)
    assert await leads.all_pages("/v1/forecast/moves", 2, **moments) == found["data"]
    assert abs(found["data"][0]["difference"]) == 3000


async def test_a_reopened_lead_comes_in_again(leads: Leads) -> None:
    await many(leads)
    await leads.carry_out(number(6), ReopenLead(pipeline=SALES, reason="so", at=at(50 * DAY)))
    await leads.settle()
    moments = {"month": "2026-02-01", "from": at(45 * DAY), "to": at(55 * DAY)}
    [move] = (await leads.get("/v1/forecast/moves", **moments))["data"]
    assert (move["kind"], move["difference"]) == ("reopened", 900)


async def test_a_representative_sees_the_forecast_of_their_own_leads(leads: Leads) -> None:
    await many(leads)
    found = await leads.get("/v1/forecast", "representative:8", **MONTHS)
    assert [amounts(row) for row in found["data"]] == [
        {"pipeline": 2000, "won": 800},
        {"pipeline": 70},
    ]


async def test_what_cannot_be_forecast_is_refused(leads: Leads) -> None:
    for path, wrong in (
        ("/v1/forecast", {"from": "2026-02-01", "to": "2026-02-28"}),
        ("/v1/forecast", {"from": "2020-01-01", "to": "2026-01-01"}),
        ("/v1/forecast", {"from": "0002-01-01"}),
        ("/v1/forecast", {"as_of": "9999-12-31T00:00:00Z"}),
        ("/v1/forecast", {"commit": 40}),
        ("/v1/forecast", {"commit": 101}),
        ("/v1/forecast", {"by": "team"}),
        ("/v1/forecast/leads", {"what": "commit"}),
        ("/v1/forecast/leads", {"what": "lost", "currency": "EUR"}),
        ("/v1/forecast/leads", {"what": "won", "currency": "EUR", "month": "0002-01-01"}),
        ("/v1/forecast/moves", {"month": "2026-02-01"}),
        ("/v1/forecast/moves", {"month": "2026-02-01", "from": at(5), "to": at(5)}),
    ):
        assert (await leads.ask(path, **wrong)).status_code == 422, wrong


async def test_the_document_shown_has_the_shape_of_a_real_one(leads: Leads) -> None:
    await many(leads)
    found = await leads.get("/v1/forecast", by="owner", **MONTHS)
    assert shape(found) == shape(documents.FORECAST)


class Ordered(History):
    """A history in which time only goes on."""

    @property
    @override
    def now(self) -> str:
        return at(self._step)


def folded(history: History, upto: str) -> tuple[Pipeline, dict[str, Any]]:
    """The pipeline, and the leads, by the events until a moment."""
    events: dict[str, list[Any]] = {}
    for one in history.records:
        if one.place.topic == "leads.1":
            read = decided(one)
            if read.envelope.happened <= upto and read.envelope.stream is not None:
                events.setdefault(read.envelope.stream, []).append(read.body)
    pipeline = PIPELINE.fold(events.get(stream_of("sales"), []))
    return pipeline, {lead: LEAD.fold(events.get(lead, [])) for lead in LEADS}


def naive(history: History, upto: str) -> Counter[tuple[str | None, str, str]]:
    """Sums by month, currency and class, from states alone."""
    pipeline, states = folded(history, upto)
    found: Counter[tuple[str | None, str, str]] = Counter()
    for state in states.values():
        match state:
            case Open(lead) if lead.amount is not None:
                stands = defined_of(pipeline)
                stage = stands.stage(stands.present(lead.stage))
                day = lead.expected_close
                month = f"{day[:7]}-01" if day else None
                what = Levels().of(stage.probability if stage else 0)
                found[month, str(lead.currency), what] += lead.amount
            case Won(_, amount, currency):
                found["2026-01-01", currency, "won"] += amount
            case Open() | Lost() | Unknown() | _:
                pass
    return Counter({key: amount for key, amount in found.items() if amount})


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=15, max_size=50), st.lists(st.integers(0, 60), min_size=2, max_size=4)
)
async def test_a_forecast_as_of_any_moment_is_the_fold_of_then(
    leads: Leads, said: list[tuple[str, int, int]], moments: list[int]
) -> None:
    history = Ordered()
    for step in said:
        history.say(*step)
    async with leads.site.pool.acquire() as connection:
        outer = connection.transaction()
        await outer.start()
        try:
            events = [leads.site.view.decode(one) for one in history.records]
            await leads.site.view.fold(connection, SCHEMA, events)
            since, until = date(2026, 1, 1), date(2027, 1, 1)
            looks = {}
            for moment in [*sorted(moments), None]:
                then = None if moment is None else START + timedelta(seconds=moment)
                odds = await queries.odds(connection, SCHEMA, then)
                asked = looks[moment] = Asked(then, odds, Levels(), ())
                rows = await queries.sums(connection, SCHEMA, asked, "", since, until)
                found = Counter(
                    {
                        (str(row.month) if row.month else None, row.currency, row.what): row.amount
                        for row in rows
                        if row.amount
                    }
                )
                assert found == naive(history, at(10**6 if moment is None else moment)), moment
            first, second = looks[min(moments)], looks[None]
            days = Days(date(2026, 3, 1), date(2026, 4, 1))
            both = await queries.both(connection, SCHEMA, first, second, *days)
            moved = moving.moves(both, days, Levels())
            for currency in ("EUR", "GBP"):
                sides = [
                    sum(
                        amount
                        for (month, coin, what), amount in naive(history, when).items()
                        if (month, coin) == ("2026-03-01", currency)
                        and what in ("commit", "best_case", "pipeline")
                    )
                    for when in (at(min(moments)), at(10**6))
                ]
                differences = [each.difference for each in moved if each.currency == currency]
                assert sides[0] + sum(differences) == sides[1]
        finally:
            await outer.rollback()
