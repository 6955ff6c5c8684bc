"""The list of quotes: a keyset page, filtered by an allow-list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.leads.queries.filters import CONDITIONS as OF_LEADS
from services.leads.queries.filters import Filter
from services.leads.queries.sql import customer_of, moment, subjects_of
from shared.database import Connection, in_schema

_ASKED = customer_of("{v}::text::uuid")

CONDITIONS: Mapping[str, str] = {
    "owner_eq": OF_LEADS["owner_eq"],
    "seen_eq": OF_LEADS["seen_eq"],
    "lead_eq": "q.lead = {v}::text::uuid",
    "customer_eq": f"q.subject = ANY ({subjects_of(f'({_ASKED})')})",
    "state_eq": "q.state = ANY ({v}::text[])",
    "number_eq": "q.number = {v}::text",
    "ordering_eq": "q.ordering = ANY ({v}::text[])",
    "valid_until_gte": "q.valid_until >= {v}::date",
    "valid_until_lte": "q.valid_until <= {v}::date",
    "sent_gte": "q.sent_at >= {v}::timestamptz",
    "sent_lt": "q.sent_at < {v}::timestamptz",
}
"""What quotes, rows `q`, and their leads, rows `l`, are filtered by."""

SORTS: Mapping[str, tuple[str, str]] = {
    "drafted": ("q.drafted_at", "timestamptz"),
    "valid_until": ("q.valid_until", "date"),
}

QUOTE = f"""json_build_object('id', q.quote, 'version', q.version, 'number', q.number,
    'state', q.state, 'lead', q.lead, 'owner', l.owner, 'subject', q.subject,
    'customer', {customer_of("q.subject")}, 'latest', q.offer, 'amount', q.amount,
    'currency', q.currency, 'valid_until', q.valid_until, 'drafted', {moment("q.drafted_at")},
    'sent_version', q.sent_offer, 'sent', {moment("q.sent_at")}, 'channel', q.sent_by,
    'accepted', {moment("q.accepted_at")}, 'closed', {moment("q.closed_at")},
    'reason', q.reason, 'ordering', q.ordering, 'ordered', {moment("q.ordered")},
    'order_position', q.order_position, 'problem', q.problem,
    'touched', {moment("q.touched")})::text"""


@dataclass(frozen=True)
class Listing:
    """What part of the list is asked for; `after` is the last (value, quote) already shown."""

    sort: str
    descending: bool
    filters: tuple[Filter, ...]
    limit: int
    after: tuple[str, str] | None = None


async def page(
    connection: Connection, schema: str, listing: Listing
) -> Sequence[tuple[tuple[str, str], str]]:
    """Rows of ((sort value, quote) as text, JSON); one more than the limit if there are more."""
    sql, args = _select(listing)
    found = await connection.fetch(in_schema(sql, schema), *args)
    return [((row[0], row[1]), row[2]) for row in found]


def _select(listing: Listing) -> tuple[str, list[object]]:
    """Columns and operators come from the allow-lists, values are arguments."""
    column, type_ = SORTS[listing.sort]
    direction, beyond = ("DESC", "<") if listing.descending else ("ASC", ">")
    args: list[object] = [listing.limit + 1]
    conditions = ["q.begun IS NOT NULL"]
    for name, value in listing.filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(CONDITIONS[name].replace("{v}", f"${len(args)}"))
    if listing.after is not None:
        args += listing.after
        place = f"${len(args) - 1}::text::{type_}, ${len(args)}::text::uuid"
        conditions.append(f"({column}, q.quote) {beyond} ({place})")
    order = f"ORDER BY {column} {direction}, q.quote {direction}"
    return (
        "WITH page AS MATERIALIZED (SELECT q.* FROM {s}.quotes q"
        " JOIN {s}.leads l ON l.lead = q.lead"
        f" WHERE {' AND '.join(conditions)} {order} LIMIT $1)"
        f" SELECT ({column})::text, q.quote::text, {QUOTE}"
        f" FROM page q JOIN {{s}}.leads l ON l.lead = q.lead {order}",
        args,
    )
