"""Two schemas of one view compared row by row: by sums of hashes first, then what differs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Table

from shared.database import Connection, in_schema

BUCKETS = 4096
"""Parts of a table whose rows are summed up together."""

LOOKED_INTO = 64
"""Parts that differ and are looked into, at most: enough for the first rows of any difference."""

MOST_ROWS = 10_000
"""Rows read of the parts that differ, per side."""


Row = dict[str, Any]
"""A row by column, as JSON has it."""


class Side(NamedTuple):
    """A schema, seen through one connection: its snapshot stays the same while we look."""

    connection: Connection
    schema: str


@dataclass(frozen=True)
class Difference:
    """A row that is not the same on both sides; None where there is none."""

    table: str
    key: Row
    live: Row | None
    rebuilt: Row | None

    @property
    def columns(self) -> list[str]:
        """The columns that differ; all where one side has no row."""
        sides = [self.live or {}, self.rebuilt or {}]
        return [
            name for name in {**sides[0], **sides[1]} if sides[0].get(name) != sides[1].get(name)
        ]


@dataclass(frozen=True)
class Compared:
    """What came of one table. `rows` are those of the live side; `parts` says how many buckets
    differ, of which the first are looked into."""

    table: str
    rows: int
    parts: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class SecondStage:
    """What came of comparing what is worked out from other rows.

    `left_out` rows differ and are still waited for on the live side: nothing can be said of them.
    """

    tables: Sequence[Compared] = ()
    left_out: int = 0


@dataclass(frozen=True)
class Proof:
    """How a view is compared with one that was folded anew beside it.

    `derived` names the tables that are not compared row by row: those of the second stage, and
    queues. `compare_derived(live, rebuilt)` works out from the first stage of the rebuilt side what
    the former must be. `by_subject` names the tables whose rows follow from the events of one
    partition key alone. `behind(side, table, row)` finds the events that made a row.
    """

    derived: frozenset[str] = frozenset()
    compare_derived: Callable[[Side, Side], Awaitable[SecondStage]] | None = None
    by_subject: frozenset[str] = frozenset()
    behind: Callable[[Side, str, Row], Awaitable[list[Row]]] | None = None


async def compare(
    live: Side, rebuilt: Side, table: Table, sample: int = 1, columns: Sequence[str] = ()
) -> Compared:
    """Compare a table of both sides; with `sample` only 1 in so many subjects.

    Rows are equal when every column (or those named) has the same text. A difference escapes with
    a probability of 2^-64.
    """
    told = _Told(table, sample, columns)
    sums = await asyncio.gather(told.sums(live), told.sums(rebuilt))
    rows = sum(count for count, _ in sums[0].values())
    parts = sorted(b for b in {*sums[0], *sums[1]} if sums[0].get(b) != sums[1].get(b))
    if not parts:
        return Compared(str(table.name), rows)
    looked_into = parts[:LOOKED_INTO]
    ours, theirs = await asyncio.gather(
        told.rows(live, looked_into), told.rows(rebuilt, looked_into)
    )
    differences = [
        told.difference(ours.get(key), theirs.get(key))
        for key in sorted({*ours, *theirs})
        if ours.get(key) != theirs.get(key)
    ]
    return Compared(str(table.name), rows, len(parts), differences)


class _Told:
    """The statements about one table."""

    def __init__(self, table: Table, sample: int, columns: Sequence[str]) -> None:
        self._keys = [str(column.name) for column in table.primary_key]
        names = columns or [str(column.name) for column in table.columns]
        key = ", ".join(f't."{name}"' for name in self._keys)
        row = ", ".join(f't."{name}"' for name in names)
        self._values: dict[str, Any] = {
            "table": str(table.name),
            "key": f"ROW({key})::text",
            "row": f"ROW({row})::text",
            "shown": ", ".join(f"'{name}', t.\"{name}\"" for name in names),
            "sampled": _SAMPLED.format(sample) if sample > 1 else "true",
            "buckets": BUCKETS - 1,
        }

    def difference(self, live: Row | None, rebuilt: Row | None) -> Difference:
        there = live or rebuilt or {}
        key = {name: there[name] for name in self._keys}
        return Difference(self._values["table"], key, live, rebuilt)

    async def sums(self, side: Side) -> dict[int, tuple[int, Any]]:
        rows = await side.connection.fetch(self._sql(_SUMS, side), timeout=None)
        return {row["bucket"]: (row["n"], row["sum"]) for row in rows}

    async def rows(self, side: Side, buckets: Sequence[int]) -> dict[str, Row]:
        rows = await side.connection.fetch(self._sql(_ROWS, side), buckets, timeout=None)
        return {row["key"]: msgspec.json.decode(row["row"]) for row in rows}

    def _sql(self, sql: str, side: Side) -> str:
        return in_schema(sql.format(s="{s}", **self._values), side.schema)


def sampled(subject: str, sample: int) -> bool:
    """Whether a subject is in a sample of 1 in so many; the same as in SQL."""
    return int(subject[:8], 16) % sample == 0


_SAMPLED = "(('x' || left(t.subject::text, 8))::bit(32)::bigint & 4294967295) % {} = 0"

_SUMS = """
SELECT bucket, count(*) AS n, sum(hash) AS sum
FROM (SELECT hashtextextended({key}, 0) & {buckets} AS bucket, hashtextextended({row}, 1) AS hash
      FROM {s}.{table} t WHERE {sampled}) hashed
GROUP BY bucket
"""

_ROWS = f"""
SELECT {{key}} AS key, json_build_object({{shown}})::text AS row
FROM {{s}}.{{table}} t
WHERE hashtextextended({{key}}, 0) & {{buckets}} = ANY ($1::bigint[]) AND {{sampled}}
ORDER BY 1 LIMIT {MOST_ROWS}
"""
