"""The list of leads: a keyset page, sorted and filtered by allow-lists; what is behind one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.leads.queries.filters import Filter, where
from services.leads.queries.sql import LEAD
from shared.database import Connection, in_schema

SORTS: Mapping[str, tuple[str, str]] = {
    "touched": ("l.touched", "timestamptz"),
    "captured": ("l.captured", "timestamptz"),
    "since": ("l.since", "timestamptz"),
    "amount": ("l.amount", "bigint"),
    "expected_close": ("coalesce(l.expected_close, 'infinity')", "date"),
}
"""What the list is sorted by, with the type; leads that are not expected to close come latest."""


@dataclass(frozen=True)
class Listing:
    """What part of the list is asked for; `after` is the last (value, lead) already shown."""

    sort: str = "touched"
    descending: bool = True
    filters: tuple[Filter, ...] = ()
    limit: int = 50
    after: tuple[str, str] | None = None


async def page(
    connection: Connection, schema: str, listing: Listing
) -> Sequence[tuple[tuple[str, str], str]]:
    """Rows of ((sort value, lead) as text, JSON); one more than the limit if there are more."""
    sql, args = _select(listing)
    found = await connection.fetch(in_schema(sql, schema), *args)
    return [((row[0], row[1]), row[2]) for row in found]


def _select(listing: Listing) -> tuple[str, list[object]]:
    """The statement: columns and operators come from the allow-lists, values are arguments."""
    column, type_ = SORTS[listing.sort]
    direction, beyond = ("DESC", "<") if listing.descending else ("ASC", ">")
    args: list[object] = [listing.limit + 1]
    conditions = where(listing.filters, args)
    if listing.sort == "amount":
        conditions += " AND l.amount IS NOT NULL"
    if listing.after is not None:
        args += listing.after
        place = f"${len(args) - 1}::text::{type_}, ${len(args)}::text::uuid"
        conditions += f" AND ({column}, l.lead) {beyond} ({place})"
    return (
        # JSON is made of the rows of the page alone
        f"WITH page AS MATERIALIZED (SELECT * FROM {{s}}.leads l WHERE {conditions}"
        f" ORDER BY {column} {direction}, l.lead {direction} LIMIT $1)"
        f" SELECT ({column})::text, l.lead::text, {LEAD} FROM page l"
        f" ORDER BY {column} {direction}, l.lead {direction}",
        args,
    )
