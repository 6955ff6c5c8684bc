"""How a view of the profile is proven: its second stage worked out whole, the events of a row."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.profile import tables
from services.profile.whole import Tables, differences, resolve_all, stored
from shared.comparing import Compared, Difference, Proof, Row, SecondStage, Side
from shared.database import in_schema

SECOND_STAGE = frozenset({"owners", "derived", "identities", "joins", "counted", "customers"})
QUEUES = frozenset({"pending", "changed"})
BY_SUBJECT = frozenset(
    {"events", "decided", "lead_events", "counts", "traits", "satisfaction", "mentions"}
)
SHOWN = 5
"""Events behind a row that are shown, the latest."""


@dataclass
class Touched:
    """What the live side has not resolved yet, so that nothing can be said of it."""

    subjects: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    orders: set[tuple[str, str]] = field(default_factory=set)

    def covers(self, table: str, key: tuple[object, ...]) -> bool:
        """Whether a row of the second stage may still change by what is pending."""
        if table == "counted":
            return key in self.orders
        if table == "customers":
            return key[0] in self.customers
        return any(part in self.subjects for part in key)


async def compare_derived(live: Side, rebuilt: Side) -> SecondStage:
    """The second stage of the live side beside the whole function of the rebuilt first stage."""
    expected = await resolve_all(rebuilt.connection, rebuilt.schema)
    found = await stored(live.connection, live.schema)
    touched = await _touched(live, rebuilt, expected, found)
    by_table: dict[str, list[Difference]] = defaultdict(list)
    left_out = 0
    for table, key, wanted, there in differences(expected, found):
        if touched.covers(table, key):
            left_out += 1
        else:
            by_table[table].append(_difference(table, key, there, wanted))
    compared = [
        Compared(name, len(found[name]), len(by_table[name]), by_table[name])
        for name in sorted(expected)
    ]
    return SecondStage(compared, left_out)


def _difference(table: str, key: tuple[object, ...], live: object, rebuilt: object) -> Difference:
    names = [str(column.name) for column in tables.metadata.tables[table].columns]
    rest = names[len(key) :]

    def row(values: Any) -> Row | None:
        if values is None:
            return None
        return {name: _json(value) for name, value in zip(rest, values, strict=False)}

    return Difference(table, dict(zip(names, key, strict=False)), row(live), row(rebuilt))


def _json(value: object) -> object:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value if isinstance(value, bool | int | str | None) else str(value)


async def _touched(live: Side, rebuilt: Side, expected: Tables, found: Tables) -> Touched:
    pending = await live.connection.fetch(in_schema(_PENDING, live.schema), timeout=None)
    weaker = {row["key"] for row in pending if row["kind"] == "pair"}
    if keys := [row["namespace"] for row in pending if row["kind"] == "key"]:
        rows = await rebuilt.connection.fetch(in_schema(_LET_IN, rebuilt.schema), keys)
        weaker |= {row["weaker"] for row in rows}
    touched = Touched(subjects=await _component(rebuilt, weaker) if weaker else set())
    touched.orders = {
        (row["namespace"], row["number"]) for row in pending if row["kind"] == "order"
    }
    concerned = touched.subjects | {row["key"] for row in pending if row["kind"] == "facts"}
    for key in touched.orders:
        concerned |= {_first(sides["counted"].get(key)) or "" for sides in (expected, found)}
    touched.customers = concerned | {
        customer
        for sides in (expected, found)
        for subject in concerned
        if (customer := _customer(sides, subject))
    }
    return touched


def _first(row: tuple[object, ...] | None) -> str | None:
    return str(row[0]) if row else None


def _customer(sides: Tables, subject: str) -> str:
    row = sides["identities"].get((subject,))
    return str(row[4]) if row else subject


async def _component(rebuilt: Side, start: Iterable[str]) -> set[str]:
    """All subjects that a pair or a decision leads to, directly or through others."""
    beside: dict[str, list[str]] = defaultdict(list)
    for row in await rebuilt.connection.fetch(in_schema(_BESIDE, rebuilt.schema), timeout=None):
        beside[row["weaker"]].append(row["stronger"])
        beside[row["stronger"]].append(row["weaker"])
    found, waiting = set(start), list(start)
    while waiting:
        for other in beside[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


async def behind(side: Side, table: str, row: Row) -> list[Row]:
    """The latest events that made a row: by its event, by the thing it is, by its subjects."""
    if table in ("leads", "lead_events"):
        sql, values = _OF_LEAD, [row.get("lead") or row["stream"]]
    elif "event" in row and ("event_subject" in row or "subject" in row):
        values = [[row.get("event_subject") or row["subject"]], row["event"]]
        sql = _OF_EVENT
    elif table in _KINDS and "number" in row:
        sql, values = _OF_THING, [_KINDS[table], row["namespace"], row["number"]]
    else:
        names = ("subject", "customer", "weaker", "stronger", "owner", "root")
        sql, values = _OF_SUBJECTS, [[row[name] for name in names if row.get(name)]]
    rows = await side.connection.fetch(in_schema(sql + _LATEST, side.schema), *values)
    return [dict(found) for found in rows]


PROOF = Proof(
    derived=SECOND_STAGE | QUEUES,
    compare_derived=compare_derived,
    by_subject=BY_SUBJECT,
    behind=behind,
)

_KINDS = {
    "orders": "order",
    "counted": "order",
    "subscriptions": "subscription",
    "products": "product",
    "organisations": "organisation",
}

_PENDING = "SELECT kind, key::text, namespace, number FROM {s}.pending"

_LET_IN = "SELECT DISTINCT weaker::text FROM {s}.pairs WHERE key = ANY ($1::text[])"

_BESIDE = """
SELECT weaker::text, stronger::text FROM {s}.pairs
UNION SELECT weaker::text, stronger::text FROM {s}.decisions
"""

_COLUMNS = """
SELECT e.position, e.type, to_char(e.time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time, e.source, e.id,
       e.key FROM {s}.events e
"""

_OF_EVENT = _COLUMNS + "WHERE e.subject = ANY ($1::uuid[]) AND e.event = $2::uuid"

_OF_LEAD = _COLUMNS.replace(".events", ".lead_events") + "WHERE e.stream = $1::uuid"

_OF_THING = (
    _COLUMNS
    + "JOIN {s}.mentions m ON m.subject = e.subject AND m.event = e.event"
    + " WHERE m.kind = $1 AND m.namespace = $2 AND m.number = $3"
)

_OF_SUBJECTS = _COLUMNS + "WHERE e.subject = ANY ($1::uuid[])"

_LATEST = f" ORDER BY e.time DESC, e.recorded DESC LIMIT {SHOWN}"
