"""Pages of lists in which all is equal that they are sorted by: each item once, in one order."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Pool
from tests.leads.answering import SCHEMA, Leads, answering, defined
from tests.leads.following import CARE, ahead, define, send, written
from tests.leads.prospecting import item, post
from tests.leads.told import capture, number
from tests.records import at

MANY = 7
LISTS: list[tuple[str, dict[str, Any], str]] = [
    *(
        ("/v1/leads", {"sort": f"{direction}{by}"}, "id")
        for by in ("touched", "captured", "since", "expected_close")
        for direction in ("", "-")
    ),
    *(("/v1/leads", {"sort": by, "currency__eq": "EUR"}, "id") for by in ("amount", "-amount")),
    *(("/v1/appointments", {"sort": by}, "appointment") for by in ("from", "-from")),
    *(("/v1/follow-ups", {"sort": by}, "lead") for by in ("due", "-due")),
    *(
        ("/v1/prospects", {"sort": f"{direction}{by}"}, "id")
        for by in ("touched", "come_back", "kept")
        for direction in ("", "-")
    ),
]


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await written(leads, define(CARE, "care"))
        yield leads


async def alike(leads: Leads) -> None:
    """Leads, appointments, steps and prospects, all of the same moments and worth the same."""
    since, until = ahead(hours=1), ahead(hours=2)
    for n in range(1, MANY + 1):
        same: dict[str, Any] = {"at": at(1), "amount": 100, "currency": "EUR"}
        await leads.carry_out(number(n), capture(n, **same))
        meet = {"title": "Meet", "from": since, "to": until}
        path = f"/v1/leads/{number(n)}"
        assert (await send(leads, f"{path}/appointments", meet, "service:app")).is_success
        begun = await send(leads, f"{path}/follow-ups", {"sequence": "care"}, "service:app")
        assert begun.is_success, begun.text
        kept = await post(leads, "/v1/prospects", item(n + 100) | {"come_back": "2030-01-01"})
        assert kept.is_success, kept.text
    await leads.settle()
    sql = f'UPDATE "{SCHEMA}".{{}}'
    for table, columns in (
        ("steps", "due = '2030-01-01'"),
        ("prospects", "touched = '2030-01-01', kept = '2030-01-01'"),
    ):
        await leads.site.pool.execute(f"{sql.format(table)} SET {columns}")


async def test_every_item_comes_once_whatever_the_page(leads: Leads) -> None:
    await alike(leads)
    for path, asked, name in LISTS:
        whole = [each[name] for each in (await leads.get(path, **asked, limit=200))["data"]]
        assert len({*whole}) == len(whole) == MANY, (path, asked)
        for limit in (1, 3):
            pages = [each[name] for each in await leads.all_pages(path, limit, **asked)]
            assert pages == whole, (path, asked, limit)


async def test_a_column_of_a_board_too(leads: Leads) -> None:
    await alike(leads)
    found: list[str] = []
    asked: dict[str, Any] = {"stage": "new", "limit": 3}
    while True:
        [column] = (await leads.get("/v1/boards/sales", **asked))["columns"]
        found += [each["id"] for each in column["data"]]
        if column["next_cursor"] is None:
            break
        asked["cursor"] = column["next_cursor"]
    assert sorted(found) == sorted(number(n) for n in range(1, MANY + 1))
