"""Whose score is to be looked at, and the leads of those."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.leads.projections import ALL_TO_LOOK_AT
from services.leads.queries.many_scores import Members
from shared.database import Connection, in_schema


class Page(NamedTuple):
    """Rows of `pending` by their places, and the subjects in them: whether interested."""

    places: Sequence[str]
    subjects: dict[str, bool]


class Lead(NamedTuple):
    """A lead of a customer; `closed` where it is."""

    customer: str
    lead: str
    subject: str
    pipeline: str
    closed: datetime | None


MOST_LEADS = 20_000
"""Leads of the customers of a page."""


async def page(connection: Connection, schema: str, limit: int) -> Page:
    """The next rows, oldest first as they mostly are."""
    rows = await connection.fetch(in_schema(_PAGE, schema), limit)
    subjects: dict[str, bool] = {}
    for row in rows:
        subjects[row[1]] = subjects.get(row[1], False) or row[2]
    return Page([row[0] for row in rows], subjects)


async def leads(connection: Connection, schema: str, whose: Members) -> Sequence[Lead]:
    """All leads of customers, those that were merged left out."""
    rows = await connection.fetch(in_schema(_LEADS, schema), [*whose.customers], MOST_LEADS)
    return [Lead(whose.customers[row["subject"]], *row) for row in rows]


async def done(connection: Connection, schema: str, places: Sequence[str]) -> None:
    """These rows were worked off: nobody else deletes any."""
    await connection.execute(in_schema(_DONE, schema), places)


async def everybody(connection: Connection, schema: str) -> None:
    """Look at everybody of whom something may come."""
    await connection.execute(in_schema(ALL_TO_LOOK_AT, schema), timeout=None)


_PAGE = "SELECT ctid::text, subject::text, interested FROM {s}.pending LIMIT $1"

_DONE = "DELETE FROM {s}.pending WHERE ctid = ANY ($1::text[]::tid[])"

_LEADS = """
SELECT lead::text, subject::text, pipeline, closed_at FROM {s}.leads
WHERE subject = ANY ($1::text[]::uuid[]) AND state <> 'merged' AND pipeline IS NOT NULL
LIMIT $2
"""
