"""The list of customers: a keyset page, sorted and filtered by allow-lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.profile.queries.sql import moment
from shared.database import Connection, in_schema

SORTS = {
    "last_seen": "timestamptz",
    "first_seen": "timestamptz",
    "revenue": "numeric",
    "orders": "bigint",
    "interactions": "bigint",
}
"""What the list is sorted by, with the type of the column."""

_OPERATORS = {"eq": "=", "gte": ">=", "lte": "<="}

FILTERS = {
    ("currency", "eq"): "text",
    **{(column, operator): type_ for column, type_ in SORTS.items() for operator in ("gte", "lte")},
}
"""What the list is filtered by: (field, operator) with the type of the column."""


class Filter(NamedTuple):
    """One condition: field and operator out of `FILTERS`, and the value as its column holds it."""

    field: str
    operator: str
    value: str | int | datetime


@dataclass(frozen=True)
class Listing:
    """What part of the list is asked for; `after` is the last (value, customer) already shown."""

    sort: str = "last_seen"
    descending: bool = True
    filters: tuple[Filter, ...] = ()
    limit: int = 50
    after: tuple[Any, str] | None = None


_ROW = f"""json_build_object('id', customer, 'name', name, 'subjects', subjects,
    'first_seen', {moment("first_seen")}, 'last_seen', {moment("last_seen")},
    'interactions', interactions, 'orders', orders, 'currency', currency, 'revenue', revenue,
    'revenues', revenues::json, 'last_order', {moment("last_order")})::text"""


async def page(
    connection: Connection, schema: str, listing: Listing
) -> Sequence[tuple[str, str, str]]:
    """Rows of (sort value as text, customer, JSON); one more than the limit if there are more."""
    sql, args = _select(listing)
    found = await connection.fetch(in_schema(sql, schema), *args)
    return [(row[0], row[1], row[2]) for row in found]


def _select(listing: Listing) -> tuple[str, list[object]]:
    """The statement: columns and operators come from the allow-lists, values are arguments."""
    column, type_ = listing.sort, SORTS[listing.sort]
    direction, beyond = ("DESC", "<") if listing.descending else ("ASC", ">")
    args: list[object] = [listing.limit + 1]
    conditions = ["true"]
    for field, operator, value in listing.filters:
        args.append(value)
        conditions.append(f"{field} {_OPERATORS[operator]} ${len(args)}")
    if listing.after is not None:
        args += listing.after
        place = f"${len(args) - 1}::text::{type_}, ${len(args)}::text::uuid"
        conditions.append(f"({column}, customer) {beyond} ({place})")
    return (
        f"SELECT {column}::text, customer::text, {_ROW} FROM {{s}}.customers c"
        f" WHERE {' AND '.join(conditions)}"
        # by the columns: unqualified names would mean the texts that are selected
        f" ORDER BY c.{column} {direction}, c.customer {direction} LIMIT $1",
        args,
    )
