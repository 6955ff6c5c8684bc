"""Which leads: conditions by an allow-list; what is compared with is an argument."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from services.leads.queries.sql import customer_of, own_field, subjects_of
from services.leads.seeing import Sight

Value = str | int | bool | datetime | date | tuple[str, ...]

_ASKED = customer_of("{v}::text::uuid")
_VISITED = """EXISTS (SELECT FROM {s}.stays y
    WHERE y.lead = l.lead AND y.stage = ANY ({v}::text[]))"""

TERRITORIES = ("country", "region")
"""The fields of one's own that say where a lead is."""

CONDITIONS: Mapping[str, str] = {
    "pipeline_eq": "l.pipeline = ANY ({v}::text[])",
    "stage_eq": "l.stage = ANY ({v}::text[])",
    "state_eq": "l.state = ANY ({v}::text[])",
    "owner_eq": "l.owner = ANY ({v}::text[])",
    "seen_eq": "(l.owner = ANY ({v}::text[])"
    " OR l.source LIKE 'partner:%' AND l.source = ANY ({v}::text[]))",
    "owner_exists": "(l.owner IS NOT NULL) = {v}::boolean",
    "source_eq": "l.source = ANY ({v}::text[])",
    "product_eq": "l.product = ANY ({v}::text[])",
    "product_exists": "(l.product IS NOT NULL) = {v}::boolean",
    "team_eq": "l.owner = ANY ({v}::text[])",
    "team_exists": "coalesce(l.owner = ANY ({v}::text[]), false)",
    "team_lacking": "NOT coalesce(l.owner = ANY ({v}::text[]), false)",
    **{f"{name}_eq": f"{own_field(name)} = ANY ({{v}}::text[])" for name in TERRITORIES},
    **{
        f"{name}_exists": f"({own_field(name)} IS NOT NULL) = {{v}}::boolean"
        for name in TERRITORIES
    },
    "reason_eq": "l.reason = ANY ({v}::text[])",
    "competitor_eq": "l.competitor = ANY ({v}::text[])",
    "hot_eq": "(l.heated IS NOT NULL) = {v}::boolean",
    "prequalified_eq": "l.prequalified = {v}::boolean",
    "subject_eq": "l.subject = {v}::text::uuid",
    "customer_eq": f"l.subject = ANY ({subjects_of(f'({_ASKED})')})",
    "currency_eq": "l.currency = {v}::text",
    "won_currency_eq": "l.won_currency = {v}::text",
    "amount_gte": "l.amount >= {v}::bigint",
    "amount_lte": "l.amount <= {v}::bigint",
    "captured_gte": "l.captured >= {v}::timestamptz",
    "captured_lt": "l.captured < {v}::timestamptz",
    "touched_gte": "l.touched >= {v}::timestamptz",
    "touched_lt": "l.touched < {v}::timestamptz",
    "closed_gte": "l.closed_at >= {v}::timestamptz",
    "closed_lt": "l.closed_at < {v}::timestamptz",
    "expected_close_gte": "l.expected_close >= {v}::date",
    "expected_close_lte": "l.expected_close <= {v}::date",
    "visited_eq": _VISITED,
    "reached_eq": f"(l.state = 'won' OR {_VISITED})",
}
"""What leads, rows `l`, are filtered by: `{v}` is what is compared with.

`visited`: is or ever was in one of these stages; `reached`: that, or won; `seen`: owned by one of
these partners, or given by it. Of a team, what is compared with are its members, or those of all.
"""


class Filter(NamedTuple):
    """One condition: its name out of `CONDITIONS`, and the value."""

    name: str
    value: Value


def where(filters: Iterable[Filter], args: list[object]) -> str:
    """The conditions, joined; their values are added to the arguments."""
    conditions = ["l.begun IS NOT NULL"]
    for name, value in filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(CONDITIONS[name].replace("{v}", f"${len(args)}"))
    return " AND ".join(conditions)


def seen(sight: Sight | None) -> tuple[Filter, ...]:
    """What limits somebody to the leads that they see; None sees all."""
    if sight is None:
        return ()
    return (Filter("seen_eq" if sight.given else "owner_eq", sight.owners),)
