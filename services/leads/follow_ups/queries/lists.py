"""Lists of steps and of appointments: keyset pages, filtered by allow-lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from services.leads.follow_ups.queries.sql import APPOINTMENT, STEP
from services.leads.follow_ups.states import Ended
from services.leads.queries.filters import CONDITIONS, Filter
from shared.database import Connection, in_schema

STATES = ("pending", "due", "overdue", *get_args(Ended))
"""Of a step."""

STEP_CONDITIONS: Mapping[str, str] = {
    "owner_eq": "l.owner = ANY ({v}::text[])",
    "seen_eq": CONDITIONS["seen_eq"],
    "lead_eq": "s.lead = {v}::text::uuid",
    "kind_eq": "s.kind = ANY ({v}::text[])",
    "sequence_eq": "s.sequence = ANY ({v}::text[])",
    "pipeline_eq": "s.pipeline = ANY ({v}::text[])",
    "due_gte": "s.due >= {v}::timestamptz",
    "due_lt": "s.due < {v}::timestamptz",
    "settled_gte": "s.settled >= {v}::timestamptz",
    "settled_lt": "s.settled < {v}::timestamptz",
}
APPOINTMENT_CONDITIONS: Mapping[str, str] = {
    "owner_eq": "l.owner = ANY ({v}::text[])",
    "seen_eq": CONDITIONS["seen_eq"],
    "lead_eq": "a.lead = {v}::text::uuid",
    "state_eq": "a.state = ANY ({v}::text[])",
    "pipeline_eq": "a.pipeline = ANY ({v}::text[])",
    "from_gte": "a.since >= {v}::timestamptz",
    "from_lt": "a.since < {v}::timestamptz",
}


@dataclass(frozen=True)
class Listing:
    """What part of a list is asked for; `after` is the place of the last that was shown."""

    filters: tuple[Filter, ...] = ()
    descending: bool = False
    limit: int = 50
    after: tuple[str, ...] | None = None

    @property
    def order(self) -> tuple[str, str]:
        return ("DESC", "<") if self.descending else ("ASC", ">")


class Shown(NamedTuple):
    """An item of a list: its place, and its JSON."""

    place: tuple[str, ...]
    shown: str


async def steps(
    connection: Connection, schema: str, states: Sequence[str], listing: Listing
) -> Sequence[Shown]:
    """Steps in these states, by when they are due; one more than the limit if there are more."""
    args: list[object] = [listing.limit + 1, [*states]]
    conditions = _where(STEP_CONDITIONS, listing.filters, args)
    direction, beyond = listing.order
    if listing.after is not None:
        args += listing.after
        due, stream, step = (f"${len(args) - n}" for n in (2, 1, 0))
        conditions.append(
            f"(s.due, s.follow_up, s.step) {beyond}"
            f" ({due}::text::timestamptz, {stream}::text::uuid, {step}::text::integer)"
        )
    sql = _STEPS.replace(
        "{order}", f"{{a}}.due {direction}, {{a}}.follow_up {direction}, {{a}}.step {direction}"
    )
    sql = sql.replace("{a}", "s").replace("{where}", " AND ".join(["true", *conditions]))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return [Shown((row[0], row[1], row[2]), row[3]) for row in rows]


async def appointments(connection: Connection, schema: str, listing: Listing) -> Sequence[Shown]:
    """Appointments by when they begin; one more than the limit if there are more."""
    args: list[object] = [listing.limit + 1]
    conditions = _where(APPOINTMENT_CONDITIONS, listing.filters, args)
    direction, beyond = listing.order
    if listing.after is not None:
        args += listing.after
        place = f"${len(args) - 1}::text::timestamptz, ${len(args)}::text::uuid"
        conditions.append(f"(a.since, a.appointment) {beyond} ({place})")
    sql = _APPOINTMENTS.replace("{direction}", direction)
    sql = sql.replace("{where}", " AND ".join(["true", *conditions]))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return [Shown((row[0], row[1]), row[2]) for row in rows]


def _where(allowed: Mapping[str, str], filters: Iterable[Filter], args: list[object]) -> list[str]:
    """The conditions; their values are added to the arguments."""
    conditions = []
    for name, value in filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(allowed[name].replace("{v}", f"${len(args)}"))
    return conditions


# Each state alone, so that its steps come in the order of the index.
_STEPS = f"""
WITH page AS MATERIALIZED (
    SELECT s.* FROM unnest($2::text[]) g (state) CROSS JOIN LATERAL (
        SELECT s.* FROM {{s}}.steps s JOIN {{s}}.leads l ON l.lead = s.lead
        WHERE s.state = g.state AND {{where}} ORDER BY {{order}} LIMIT $1) s
    ORDER BY {{order}} LIMIT $1
)
SELECT s.due::text, s.follow_up::text, s.step::text, {STEP}
FROM page s JOIN {{s}}.leads l ON l.lead = s.lead ORDER BY {{order}}
"""

_APPOINTMENTS = f"""
WITH page AS MATERIALIZED (
    SELECT a.* FROM {{s}}.appointments a JOIN {{s}}.leads l ON l.lead = a.lead
    WHERE {{where}} ORDER BY a.since {{direction}}, a.appointment {{direction}} LIMIT $1
)
SELECT a.since::text, a.appointment::text, {APPOINTMENT}
FROM page a JOIN {{s}}.leads l ON l.lead = a.lead
ORDER BY a.since {{direction}}, a.appointment {{direction}}
"""
