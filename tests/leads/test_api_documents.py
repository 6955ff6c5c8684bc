"""What the documentation shows is what leads answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.api import documents
from services.leads.app import SERVICE
from services.leads.commands import DefineScoring, NoteLead
from services.leads.decider import SCORING
from services.leads.decider.scoring import STREAM
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import RULES
from tests.leads.told import five, number
from tests.records import at, subject


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


def operations() -> dict[str, dict[str, Any]]:
    paths: Any = SERVICE.openapi()["paths"]
    return {f"{verb} {path}": made for path, all_ in paths.items() for verb, made in all_.items()}


OPEN = "get /v1/calendars/{token}.ics"
"""What needs no key."""

OTHER = {OPEN: "text/calendar", "get /v1/quotes/{id}/document": "text/html"}
"""What answers no JSON, and what it answers."""


def test_every_operation_is_described_with_an_example_and_its_problems() -> None:
    for name, operation in operations().items():
        media = OTHER.get(name, "application/json")
        if name == OPEN:
            assert operation["responses"]["200"]["content"][media]["example"]
            continue
        for part in ("summary", "description", "security", "tags"):
            assert operation[part], (name, part)
        found = [made for code, made in operation["responses"].items() if code.startswith("2")]
        assert found, name
        for success in found:
            assert success["content"][media]["example"], name
        assert {"401", "403", "422", "503"} <= operation["responses"].keys(), name


def shape(document: Any) -> Any:
    """The names in a document, of lists those in the first item; one's own fields are free."""
    if isinstance(document, dict):
        free = ("fields", "data")
        return {
            name: None if name in free and isinstance(value, dict) else shape(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return None


async def test_the_documents_shown_have_the_shape_of_real_ones(leads: Leads) -> None:
    await five(leads)
    await leads.carry_out(number(3), NoteLead(text="Called back.", at=at(20)))
    rules = DefineScoring(rules=RULES, at=at(0))
    await leads.handler.carry_out(
        SCORING, STREAM, rules, Origin("service:app"), partitionkey=STREAM
    )
    await leads.settle()
    customer = subject("user:shop:3")
    await leads.belongs(subject("user:shop:1"), customer)
    await leads.tell("customer.described", "user:shop:3", traits={"country": "GB"})
    await leads.tell("quote.requested", "user:shop:3")
    days = {"from": "2026-01-01", "to": "2026-01-02"}
    for path, parameters, document in [
        ("/v1/leads", {"sort": "-amount", "currency__eq": "EUR"}, documents.LEADS),
        ("/v1/leads/duplicates", {}, documents.DUPLICATES),
        (f"/v1/leads/{number(3)}/history", {}, documents.HISTORY),
        (f"/v1/leads/{number(3)}/score", {}, documents.SCORE),
        ("/v1/boards/sales", {"stage": "offer"}, documents.BOARD),
        ("/v1/leads/measures", {"pipeline__eq": "sales", **days}, documents.MEASURES),
    ]:
        found = await leads.get(path, **parameters)
        if document is documents.LEADS:  # how it ended is null in the one that is shown
            found["data"] = [each for each in found["data"] if each["state"] == "open"]
        assert shape(found) == shape(document), path
