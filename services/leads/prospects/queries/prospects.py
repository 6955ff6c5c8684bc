"""The list of prospects: a keyset page, sorted and filtered by allow-lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.leads.queries.filters import Filter
from services.leads.queries.sql import customer_of, moment, subjects_of
from shared.database import Connection, in_schema

_ON_LIST = """EXISTS (SELECT FROM {s}.prospect_lists t
    WHERE t.prospect = p.prospect AND t.there AND t.list = ANY ({v}::text[]))"""
_ASKED = customer_of("{v}::text::uuid")

CONDITIONS: Mapping[str, str] = {
    "state_eq": "p.state = ANY ({v}::text[])",
    "due_eq": "(p.state = 'waiting' AND p.due IS NOT NULL) = {v}::boolean",
    "list_eq": _ON_LIST,
    "source_eq": "p.source = ANY ({v}::text[])",
    "customer_eq": f"p.subject = ANY ({subjects_of(f'({_ASKED})')})",
    "come_back_gte": "p.come_back >= {v}::timestamptz",
    "come_back_lt": "p.come_back < {v}::timestamptz",
    "touched_gte": "p.touched >= {v}::timestamptz",
    "touched_lt": "p.touched < {v}::timestamptz",
}
"""What prospects, rows `p`, are filtered by: `{v}` is what is compared with."""

SORTS: Mapping[str, str] = {
    "touched": "p.touched",
    "come_back": "coalesce(p.come_back, 'infinity')",
    "kept": "coalesce(p.kept, '-infinity')",
}
"""What the list is sorted by; without a date to come back comes latest."""

_FIELDS = """coalesce((SELECT json_object_agg(f.name, f.value::json ORDER BY f.name)
        FROM {s}.prospect_fields f WHERE f.prospect = p.prospect AND f.value IS NOT NULL),
        '{}'::json)"""
_LISTS = """coalesce((SELECT json_agg(t.list ORDER BY t.list) FROM {s}.prospect_lists t
        WHERE t.prospect = p.prospect AND t.there), '[]'::json)"""

PROSPECT = f"""json_build_object('id', p.prospect, 'version', p.version, 'state', p.state,
    'subject', p.subject, 'customer', {customer_of("p.subject")},
    'name', coalesce(p.name, ''), 'organisation', p.organisation,
    'source', coalesce(p.source, ''), 'kept', {moment("p.kept")},
    'touched', {moment("p.touched")}, 'come_back', {moment("p.come_back")},
    'due', p.state = 'waiting' AND p.due IS NOT NULL, 'reason', p.reason, 'lead', p.lead,
    'lists', {_LISTS}, 'fields', {_FIELDS})::text"""
"""A row `p` of `prospects` as lists show it."""


@dataclass(frozen=True)
class Listing:
    """What part of the list is asked for; `after` is the last (value, prospect) already shown."""

    sort: str = "touched"
    descending: bool = True
    filters: tuple[Filter, ...] = ()
    limit: int = 50
    after: tuple[str, str] | None = None


def where(filters: Iterable[Filter], args: list[object]) -> str:
    """The conditions, joined; their values are added to the arguments."""
    conditions = ["p.state IS NOT NULL"]
    for name, value in filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(CONDITIONS[name].replace("{v}", f"${len(args)}"))
    return " AND ".join(conditions)


async def page(
    connection: Connection, schema: str, listing: Listing
) -> Sequence[tuple[tuple[str, str], str]]:
    """Rows of ((sort value, prospect) as text, JSON); one more than the limit if there are more."""
    sql, args = _select(listing)
    found = await connection.fetch(in_schema(sql, schema), *args)
    return [((row[0], row[1]), row[2]) for row in found]


def _select(listing: Listing) -> tuple[str, list[object]]:
    """The statement: columns and operators come from the allow-lists, values are arguments."""
    column = SORTS[listing.sort]
    direction, beyond = ("DESC", "<") if listing.descending else ("ASC", ">")
    args: list[object] = [listing.limit + 1]
    conditions = where(listing.filters, args)
    if listing.after is not None:
        args += listing.after
        place = f"${len(args) - 1}::text::timestamptz, ${len(args)}::text::uuid"
        conditions += f" AND ({column}, p.prospect) {beyond} ({place})"
    return (
        f"WITH page AS MATERIALIZED (SELECT * FROM {{s}}.prospects p WHERE {conditions}"
        f" ORDER BY {column} {direction}, p.prospect {direction} LIMIT $1)"
        f" SELECT ({column})::text, p.prospect::text, {PROSPECT} FROM page p"
        f" ORDER BY {column} {direction}, p.prospect {direction}",
        args,
    )


async def waiting_on(
    connection: Connection, schema: str, list_: str, after: str | None, limit: int
) -> Sequence[str]:
    """Prospects that wait on a list, by id after one; one more than the limit if there are more."""
    rows = await connection.fetch(in_schema(_WAITING, schema), list_, after, limit + 1)
    return [row[0] for row in rows]


async def shown(connection: Connection, schema: str, prospects: Sequence[str]) -> dict[str, str]:
    """The JSON of prospects by id."""
    rows = await connection.fetch(in_schema(_SHOWN, schema), prospects)
    return {row[0]: row[1] for row in rows}


_WAITING = """
SELECT p.prospect::text FROM {s}.prospect_lists t JOIN {s}.prospects p ON p.prospect = t.prospect
WHERE t.list = $1 AND t.there AND p.state = 'waiting'
  AND ($2::text IS NULL OR t.prospect > $2::text::uuid)
ORDER BY t.prospect LIMIT $3
"""

_SHOWN = f"""
SELECT p.prospect::text, {PROSPECT} FROM {{s}}.prospects p
WHERE p.prospect = ANY ($1::text[]::uuid[])
"""
