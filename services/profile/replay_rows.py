"""The rows of one customer on two sides, the live view's and those folded anew, compared."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Table

from services.profile import tables
from services.profile.proof import QUEUES, SECOND_STAGE
from shared.comparing import Difference, Row, Side
from shared.database import in_schema

_OF_SUBJECT = "t.subject = ANY ($1::uuid[])"
_OF_TWO = "t.weaker = ANY ($1::uuid[]) OR t.stronger = ANY ($1::uuid[])"
_OF = {
    "decided": f"{_OF_SUBJECT} OR EXISTS (SELECT FROM unnest($1::uuid[]) s (subject)"
    " WHERE strpos(t.data, s.subject::text) > 0)",
    "organisations": "(t.namespace, t.number) IN (SELECT m.namespace, m.number"
    " FROM {s}.memberships m WHERE m.subject = ANY ($1::uuid[]))",
    "pairs": _OF_TWO,
    "disowned": "$1::uuid[] IS NOT NULL",  # all: they are few, and concern everybody
    "decisions": _OF_TWO,
    "joins": _OF_TWO,
    "owners": f"{_OF_SUBJECT} OR t.owner = ANY ($1::uuid[])",
    "derived": f"{_OF_TWO} OR t.through = ANY ($1::uuid[])",
    "customers": "t.customer = ANY ($1::uuid[])",
}
"""Which rows of a table are about some subjects, where that is not its column `subject`."""


@dataclass(frozen=True)
class Compared:
    """What came of one table: rows of the customer on the live side, and those that differ.

    `left_out` differ too, but the live view is still working on them.
    """

    table: str
    rows: int
    differences: Sequence[Difference] = ()
    left_out: int = 0


@dataclass(frozen=True)
class Unsettled:
    """What the live view has not resolved yet: nothing can be said of what follows from it."""

    belonging: bool = False
    facts: bool = False
    orders: Collection[tuple[str, str]] = field(default_factory=set)

    def covers(self, table: str, key: Row) -> bool:
        """Whether a row of the second stage may still change."""
        if table == "counted":
            return (key["namespace"], key["number"]) in self.orders
        if table == "customers":
            return self.belonging or self.facts or bool(self.orders)
        return self.belonging and table in SECOND_STAGE


async def compare(
    live: Side, anew: Side, subjects: Collection[str], unsettled: Unsettled
) -> list[Compared]:
    """All rows of these subjects, table by table."""
    return [
        await _table(live, anew, table, subjects, unsettled)
        for table in tables.metadata.sorted_tables
        if table.name not in QUEUES
    ]


async def count(live: Side, subjects: Collection[str]) -> int:
    """How many rows the live side has of these subjects."""
    number = 0
    for table in tables.metadata.sorted_tables:
        if table.name not in QUEUES:
            sql = f"SELECT count(*) FROM {{s}}.{table.name} t WHERE {_of(table)}"
            number += await live.connection.fetchval(in_schema(sql, live.schema), [*subjects])
    return number


async def _table(
    live: Side, anew: Side, table: Table, subjects: Collection[str], unsettled: Unsettled
) -> Compared:
    """What either side has of the subjects, each row beside that of the same key on the other."""
    ours, theirs = await _rows(live, table, subjects), await _rows(anew, table, subjects)
    ours |= await _named(live, table, [theirs[key] for key in theirs.keys() - ours.keys()])
    theirs |= await _named(anew, table, [ours[key] for key in ours.keys() - theirs.keys()])
    differences, left_out = [], 0
    for key in sorted({*ours, *theirs}):
        difference = _difference(table, ours.get(key), theirs.get(key))
        if difference is None:
            continue
        if unsettled.covers(table.name, difference.key):
            left_out += 1
        else:
            differences.append(difference)
    return Compared(str(table.name), len(ours), differences, left_out)


def _difference(table: Table, ours: str | None, theirs: str | None) -> Difference | None:
    if ours == theirs:
        return None
    live, anew = (
        msgspec.json.decode(text, type=dict[str, Any]) if text else None for text in (ours, theirs)
    )
    there = live or anew or {}
    if table.name == "identities" and not (live and anew) and _says_nothing(there):
        return None
    key = {name: there[name] for name in _keys(table)}
    return Difference(str(table.name), key, live, anew)


def _says_nothing(row: Row) -> bool:
    """Whether a row of `identities` says no more than no row: the subject belongs to itself."""
    above = {row["parent"] or row["subject"], row["root"], row["customer"]}
    return not row["shared"] and above == {row["subject"]}


def _of(table: Table) -> str:
    return _OF.get(table.name, _OF_SUBJECT)


def _keys(table: Table) -> list[str]:
    return [str(column.name) for column in table.primary_key]


async def _rows(side: Side, table: Table, subjects: Collection[str]) -> dict[str, str]:
    """Rows as JSON, by their key as text."""
    return await _fetch(side, table, f"{{s}}.{table.name} t WHERE {_of(table)}", [*subjects])


async def _named(side: Side, table: Table, rows: Sequence[str]) -> dict[str, str]:
    """The rows with the keys of these."""
    if not rows:
        return {}
    given = f"json_populate_recordset(NULL::{{s}}.{table.name}, $1)"
    source = f"{given} k JOIN {{s}}.{table.name} t USING ({', '.join(_keys(table))})"
    found = [msgspec.json.decode(row, type=dict[str, Any]) for row in rows]
    named = [{name: row[name] for name in _keys(table)} for row in found]
    return await _fetch(side, table, source, msgspec.json.encode(named).decode())


async def _fetch(side: Side, table: Table, source: str, given: object) -> dict[str, str]:
    key = ", ".join(f"t.{name}" for name in _keys(table))
    sql = f"SELECT ROW({key})::text, row_to_json(t)::text FROM {source}"
    rows = await side.connection.fetch(in_schema(sql, side.schema), given, timeout=None)
    return {row[0]: row[1] for row in rows}
