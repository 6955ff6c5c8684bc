"""What the documentation shows of prospects is what leads answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.prospects.api import examples
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.prospecting import item, post, put, scored
from tests.leads.test_api_documents import shape


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


_FREE = ("identifiers", "errors", "filters", "lists", "prospects")


def names(document: Any) -> Any:
    """As `shape`, of lists of text and of errors only that they are lists."""
    return shape({name: None if name in _FREE else value for name, value in document.items()})


async def test_the_documents_shown_have_the_shape_of_real_ones(leads: Leads) -> None:
    await scored(leads)
    kept = (await post(leads, "/v1/prospects", item(1, fields={"country": "NL"}))).json()
    assert names(kept) == names(examples.PROSPECT)
    path, filters = "/v1/target-lists/spring", {"filters": {"orders_gte": "1"}}
    defined_ = await put(leads, path, {"purpose": "Bought last year"} | filters)
    assert names(defined_.json()) == names(examples.CHANGED_LIST)
    found = await post(leads, f"{path}/prospects", {"items": [item(1), item(2), item(3)]})
    assert names(found.json()["data"][1]) == names(examples.MANY_KEPT["data"][0])
    await leads.settle()
    await leads.tell("quote.requested", "user:shop:1")
    for each, document in [
        ("/v1/prospects", examples.PROSPECTS),
        ("/v1/prospects/ranked", examples.RANKED),
        (f"/v1/prospects/{kept['id']}/history", examples.HISTORY),
        ("/v1/target-lists", examples.LISTS),
    ]:
        shown = await leads.get(each)
        assert shape(shown["data"][0]).keys() == shape(document["data"][0]).keys(), each
        assert shown.keys() == document.keys(), each
    assert names(await leads.get(path)) == names(examples.LIST)
    off = await post(leads, f"{path}/remove", {"ids": [found.json()["data"][2]["id"]]})
    assert names(off.json()) == names(examples.TAKEN_OFF)
    promoted = await post(leads, "/v1/prospects/promote", {"ids": [kept["id"]]})
    assert names(promoted.json()) == names(examples.MANY_PROMOTED)
    rules = {"rules": [{"id": "timing", "days": 90, "reasons": ["price"]}]}
    made = await put(leads, "/v1/prospects/reactivation", rules)
    assert names(made.json()) == names(examples.CHANGED_RULES)
