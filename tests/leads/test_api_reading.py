"""What is read of leads: the list, what may be the same, boards, what happened."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.commands import (
    AssignLead,
    ChangePipeline,
    DescribeLead,
    JudgeLead,
    NoteLead,
)
from services.leads.decider import PIPELINE
from services.leads.decider.pipeline import stream_of
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import CHANGED, REASONS, SALES, STAGES, partner
from tests.leads.told import capture, five, move, number
from tests.records import at, subject

NOTHING = {"new": {"leads": 0}}


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


# --- the list


async def test_the_list_shows_a_lead_as_it_stands(leads: Leads) -> None:
    who = "email:jane@x"
    await leads.carry_out(
        number(1),
        capture(1, who, product="KETTLE-1", amount=4990, currency="EUR", owner="representative:7"),
        DescribeLead(expected_close="2026-03-31", fields={"seats": 20, "gone": 1}, at=at(2)),
        DescribeLead(fields={"gone": None}, at=at(3)),
        move("contacted", 4),
        capture(5, who, title="Pots", at=at(5)),
    )
    await leads.settle()
    await leads.belongs(subject(who), subject("user:shop:42"))
    [found] = (await leads.get("/v1/leads"))["data"]
    assert found == {
        "id": number(1),
        "version": 5,
        "state": "open",
        "pipeline": "sales",
        "stage": "contacted",
        "since": at(4),
        "subject": subject(who),
        "customer": subject("user:shop:42"),
        "source": "/web/shop",
        "channel": "web",
        "title": "Kettles 1",
        "captured": at(1),
        "touched": at(5),
        "closed": None,
        "product": "KETTLE-1",
        "amount": 4990,
        "currency": "EUR",
        "expected_close": "2026-03-31",
        "owner": "representative:7",
        "rule": None,
        "inquiries": 2,
        "hot": False,
        "heated": None,
        "prequalified": None,
        "reached": 0,
        "fields": {"seats": 20},
        "won": None,
        "lost": None,
        "merged": None,
    }


async def test_what_is_closed_says_how_it_ended(leads: Leads) -> None:
    await five(leads)
    by_id = {each["id"]: each for each in (await leads.get("/v1/leads"))["data"]}
    assert by_id[number(4)]["won"] == {"amount": 4000, "currency": "EUR"}
    assert by_id[number(4)]["closed"] == at(13)
    assert by_id[number(5)]["lost"] == {"reason": "price", "competitor": "Pots & Co"}


FILTERED: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [5, 4, 3, 2, 1]),
    ({"state__eq": "open"}, [3, 2, 1]),
    ({"state__eq": ["won", "lost"]}, [5, 4]),
    ({"pipeline__eq": "partner"}, []),
    ({"pipeline__eq": ["sales", "partner"], "stage__eq": "offer"}, [3]),
    ({"stage__eq": ["new", "contacted"], "state__eq": "open"}, [2, 1]),
    ({"owner__eq": "representative:8"}, [5, 3, 1]),
    ({"owner__exists": "false"}, []),
    ({"product__exists": "false", "limit": 2}, [5, 4]),
    ({"source__eq": "/web/shop", "product__eq": "none"}, []),
    ({"reason__eq": "price"}, [5]),
    ({"competitor__eq": "Pots & Co"}, [5]),
    ({"currency__eq": "EUR", "amount__gte": 3000, "amount__lte": 4000}, [4, 3]),
    ({"won_currency__eq": "EUR"}, [4]),
    ({"captured__gte": at(2), "captured__lt": at(4)}, [3, 2]),
    ({"touched__gte": at(12), "touched__lt": at(14)}, [4, 3]),
    ({"closed__gte": at(14)}, [5]),
    ({"expected_close__gte": "2026-01-01"}, []),
    ({"visited__eq": "contacted"}, [2]),
    ({"pipeline__eq": "sales", "reached__eq": "contacted"}, [4, 3, 2]),
    ({"sort": "captured"}, [1, 2, 3, 4, 5]),
    ({"sort": "-amount", "currency__eq": "EUR"}, [5, 4, 3, 2]),
    ({"sort": "-since"}, [3, 2, 5, 4, 1]),
]


async def test_the_list_is_filtered_and_sorted_by_what_is_allowed(leads: Leads) -> None:
    await five(leads)
    for filters, expected in FILTERED:
        assert await leads.ids(**filters) == [number(n) for n in expected], filters


async def test_by_subject_and_by_customer(leads: Leads) -> None:
    await five(leads)
    one, other = subject("user:shop:1"), subject("user:shop:2")
    assert await leads.ids(subject__eq=one) == [number(1)]
    assert await leads.ids(customer__eq=one) == [number(1)]
    await leads.belongs(other, one)
    await leads.belongs(one, one)
    for any_of_them in (one, other):
        assert await leads.ids(customer__eq=any_of_them) == [number(2), number(1)]
    assert await leads.ids(subject__eq=other) == [number(2)]


async def test_pages_hold_everything_once(leads: Leads) -> None:
    for n in range(1, 8):
        expected = DescribeLead(expected_close=f"2026-03-0{n}" if n % 2 else None, at=at(9))
        command = capture(n, amount=n % 3, currency="EUR", at=at(n % 3))
        await leads.carry_out(number(n), command, expected)
    await leads.settle()
    for sort in ("touched", "-captured", "since", "expected_close", "-amount"):
        filters = {"sort": sort, "currency__eq": "EUR"}
        found = [each["id"] for each in await leads.all_pages("/v1/leads", 2, **filters)]
        assert found == await leads.ids(**filters)
        assert sorted(found) == [number(n) for n in range(1, 8)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"state__eq": "closed"}, "/query/filter[state][eq]/0"),
    ({"sort": "title"}, "/query/sort"),
    ({"sort": "amount"}, "/query/filter[currency][eq]"),
    ({"amount__gte": 1}, "/query/filter[currency][eq]"),
    ({"amount__gte": 1.5, "currency__eq": "EUR"}, "/query/filter[amount][gte]"),
    ({"currency__eq": "euro"}, "/query/filter[currency][eq]"),
    ({"title__eq": "x"}, "/query/filter[title][eq]"),
    ({"pipeline_eq": "x"}, "/query/pipeline_eq"),
    ({"captured__gte": "yesterday"}, "/query/filter[captured][gte]"),
    ({"expected_close__gte": "0000-01-01"}, "/query/filter[expected_close][gte]"),
    ({"source__eq": "a\0b"}, "/query/filter[source][eq]/0"),
    ({"reached__eq": "offer"}, "/query/filter[pipeline][eq]"),
    ({"reached__eq": "signing", "pipeline__eq": "sales"}, "/query/filter[reached][eq]"),
    ({"cursor": "bm8"}, "/query/cursor"),
    ({"limit": 201}, "/query/limit"),
    ({"min_position": "x"}, "/query/min_position"),
]


async def test_a_wrong_parameter_is_named(leads: Leads) -> None:
    for wrong, pointer in WRONG:
        answer = await leads.ask("/v1/leads", **wrong)
        assert answer.status_code == 422, answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def test_a_cursor_is_good_for_its_own_list_alone(leads: Leads) -> None:
    await five(leads)
    cursor = (await leads.get("/v1/leads", limit=1))["next_cursor"]
    for other in ({"state__eq": "open"}, {"sort": "captured"}, {"who": "representative:8"}):
        answer = await leads.ask("/v1/leads", cursor=cursor, **other)
        assert answer.status_code == 422
    assert (await leads.ask("/v1/leads", cursor=cursor)).status_code == 200


async def test_a_list_that_is_known_is_not_sent_again(leads: Leads) -> None:
    await five(leads)
    answer = await leads.ask("/v1/leads")
    headers = {**leads.headers("service:app"), "If-None-Match": answer.headers["etag"]}
    assert (await leads.client.get("/v1/leads", headers=headers)).status_code == 304


# --- what may be the same


async def test_open_leads_of_one_customer_in_one_pipeline_are_offered(leads: Leads) -> None:
    await five(leads)
    assert (await leads.get("/v1/leads/duplicates"))["data"] == []
    customer = subject("user:shop:1")
    for n in (2, 5):  # the fifth is closed
        await leads.belongs(subject(f"user:shop:{n}"), customer)
    await leads.carry_out(number(6), capture(6, "user:shop:1", pipeline=partner()))
    await leads.settle()
    [found] = (await leads.get("/v1/leads/duplicates"))["data"]
    assert (found["customer"], found["pipeline"], found["count"]) == (customer, "sales", 2)
    assert [each["id"] for each in found["leads"]] == [number(2), number(1)]
    wanted = {"customer__eq": customer, "state__eq": "open", "pipeline__eq": "sales"}
    assert found["leads"] == (await leads.get("/v1/leads", **wanted))["data"]
    assert (await leads.get("/v1/leads/duplicates", pipeline__eq="partner"))["data"] == []


async def test_duplicates_are_paged(leads: Leads) -> None:
    for n in range(1, 9):
        pipeline = SALES if n < 5 else partner()
        await leads.carry_out(number(n), capture(n, pipeline=pipeline))
        await leads.belongs(subject(f"user:shop:{n}"), subject(f"user:shop:{n - (n + 1) % 2}"))
    await leads.settle()
    found = await leads.all_pages("/v1/leads/duplicates", 1)
    assert [each["count"] for each in found] == [2] * 4
    assert {each["id"] for group in found for each in group["leads"]} == {
        number(n) for n in range(1, 9)
    }


# --- boards


async def test_a_board_counts_and_sums_each_stage(leads: Leads) -> None:
    await five(leads)
    await leads.carry_out(number(6), capture(6, amount=333, currency="GBP"))
    await leads.settle()
    board = await leads.get("/v1/boards/sales")
    new, contacted, offer = board["columns"]
    assert (board["pipeline"], board["revision"], board["leads"]) == ("sales", 1, 4)
    assert [column["stage"] for column in board["columns"]] == [each.name for each in STAGES]
    assert (new["probability"], new["leads"]) == (5, 2)
    assert new["amounts"] == [{"currency": "GBP", "leads": 1, "amount": 333, "weighted": 17}]
    assert contacted["amounts"] == [
        {"currency": "EUR", "leads": 1, "amount": 2000, "weighted": 400}
    ]
    assert offer["amounts"] == [{"currency": "EUR", "leads": 1, "amount": 3000, "weighted": 1800}]
    assert board["amounts"] == [
        {"currency": "EUR", "leads": 2, "amount": 5000, "weighted": 2200},
        {"currency": "GBP", "leads": 1, "amount": 333, "weighted": 17},
    ]
    assert [each["id"] for each in new["data"]] == [number(6), number(1)]
    assert new["data"] == (await leads.get("/v1/leads", stage__eq="new", state__eq="open"))["data"]


async def test_each_column_of_a_board_is_paged(leads: Leads) -> None:
    for n in range(1, 8):
        await leads.carry_out(number(n), capture(n, owner="7"))
    for n in (2, 4):
        await leads.carry_out(number(n), move("contacted", n * 10))
    await leads.settle()
    board = await leads.get("/v1/boards/sales", limit=2)
    assert [len(column["data"]) for column in board["columns"]] == [2, 2, 0]
    assert [column["leads"] for column in board["columns"]] == [5, 2, 0]
    new, contacted, _ = board["columns"]
    assert contacted["next_cursor"] is None
    found = [each["id"] for each in new["data"]]
    page: dict[str, Any] = {}
    while new["next_cursor"]:
        page = {"stage": "new", "cursor": new["next_cursor"], "limit": 2}
        [new] = (await leads.get("/v1/boards/sales", **page))["columns"]
        found += [each["id"] for each in new["data"]]
    assert found == [number(n) for n in (7, 6, 5, 3, 1)]
    wrong = await leads.ask("/v1/boards/sales", stage="contacted", cursor=page["cursor"])
    assert wrong.status_code == 422


async def test_a_board_has_the_present_stages(leads: Leads) -> None:
    await five(leads)
    stream = stream_of("sales")
    change = ChangePipeline(stages=CHANGED.stages, reasons=REASONS, moved=CHANGED.moved, at=at(20))
    await leads.handler.carry_out(
        *(PIPELINE, stream, change, Origin("service:app")), partitionkey=stream
    )
    await leads.settle()
    board = await leads.get("/v1/boards/sales")
    new, talking = board["columns"]
    assert (new["stage"], new["leads"], talking["stage"], talking["leads"]) == (
        *("new", 1),
        *("talking", 2),
    )
    assert [each["id"] for each in talking["data"]] == [number(3), number(2)]
    assert talking["amounts"][0]["weighted"] == 5000 * 30 // 100


async def test_a_board_that_is_not_there_is_refused(leads: Leads) -> None:
    assert (await leads.ask("/v1/boards/none")).status_code == 404
    for wrong in ({"stage": "none"}, {"cursor": "x"}, {"limit": 0}):
        assert (await leads.ask("/v1/boards/sales", **wrong)).status_code == 422


# --- what happened


async def test_the_history_of_a_lead_is_its_events(leads: Leads) -> None:
    await leads.carry_out(number(1), capture(1))
    await leads.carry_out(number(1), NoteLead(text="Likes tea", at=at(2)), actor="representative:7")
    await leads.carry_out(number(1), AssignLead(owner="partner:12", reason="near", at=at(3)))
    await leads.settle()
    path = f"/v1/leads/{number(1)}/history"
    found = (await leads.get(path))["data"]
    assert [(each["version"], each["type"]) for each in found] == [
        (1, "lead.captured"),
        (2, "lead.noted"),
        (3, "lead.assigned"),
    ]
    assert found[1]["data"] == {"at": at(2), "text": "Likes tea"}
    assert (found[1]["actor"], found[1]["time"]) == ("representative:7", at(2))
    assert found == await leads.all_pages(path, 1)
    assert (await leads.ask(f"/v1/leads/{number(9)}/history")).status_code == 404


async def test_the_list_says_of_a_lead_what_the_lead_says_itself(leads: Leads) -> None:
    await five(leads)
    routed = AssignLead(owner="representative:8", reason="It came to 30.", rule="hot", at=at(20))
    judged = JudgeLead(version=1, points=42.5, hot=40, failed=(), asked=(30, 90), at=at(21))
    await leads.carry_out(number(2), judged, routed)
    await leads.carry_out(
        number(3), routed, AssignLead(owner="representative:7", reason="Ill.", at=at(22))
    )
    await leads.settle()
    listed = {each["id"]: each for each in (await leads.get("/v1/leads"))["data"]}
    for n in range(1, 6):
        one, found = await leads.get(f"/v1/leads/{number(n)}"), listed[number(n)]
        both = (one.keys() & found.keys()) - {"heated"}  # a version of the rules; when it was
        assert {name: one[name] for name in both} == {name: found[name] for name in both}
    assert (listed[number(2)]["rule"], listed[number(2)]["reached"]) == ("hot", 30)
    assert (listed[number(3)]["rule"], listed[number(3)]["reached"]) == (None, 0)


# --- who sees what


async def test_everybody_sees_the_leads_that_are_theirs(leads: Leads) -> None:
    await five(leads)
    mine = {"representative:7": [4, 2], "representative:8": [5, 3, 1], "partner:12": []}
    for who, owned in mine.items():
        ids = [number(n) for n in owned]
        assert await leads.ids(who=who) == ids
        assert await leads.ids(who=who, owner__eq=["representative:7", "representative:8"]) == ids
        board = await leads.get("/v1/boards/sales", who=who)
        seen = [each["id"] for column in board["columns"] for each in column["data"]]
        still = [number(n) for n in owned if n <= 3]
        assert (sorted(seen), board["leads"]) == (sorted(still), len(still))
        for n in range(1, 6):
            for part in ("", "/history"):
                answer = await leads.ask(f"/v1/leads/{number(n)}{part}", who=who)
                assert answer.status_code == (200 if n in owned else 404)
        days = {"from": "2026-01-01", "to": "2026-01-02"}
        [measures] = (await leads.get("/v1/leads/measures", who, **days))["data"] or [NOTHING]
        assert measures["new"]["leads"] == len(owned)
    for n in (2, 4):
        await leads.belongs(subject(f"user:shop:{n}"), subject("user:shop:1"))
    assert len((await leads.get("/v1/leads/duplicates"))["data"]) == 1
    for who in ("representative:7", "representative:8"):
        assert (await leads.get("/v1/leads/duplicates", who=who))["data"] == []
    assert (await leads.ask("/v1/leads/duplicates", who="partner:12")).status_code == 403
