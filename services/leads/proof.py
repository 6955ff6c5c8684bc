"""How a view of leads is proven: row by row, and what is tallied against the leads themselves."""

import asyncio
from typing import Any

from services.leads.projections import TALLIED
from shared.comparing import Compared, Difference, Proof, Row, SecondStage, Side
from shared.database import in_schema

SHOWN = 5
"""Events behind a row that are shown, the latest."""


async def behind(side: Side, table: str, row: Row) -> list[Row]:
    """The latest events that made a row."""
    if "lead" in row:
        rows = await side.connection.fetch(in_schema(_OF_STREAM, side.schema), row["lead"])
    elif "subject" in row:
        rows = await side.connection.fetch(in_schema(_OF_SUBJECT, side.schema), row["subject"])
    else:
        return []
    return [dict(found) for found in rows]


async def compare_derived(live: Side, rebuilt: Side) -> SecondStage:
    """The tallies of the live side beside what the leads of the rebuilt one come to."""
    found, expected = await asyncio.gather(_tallies(live, _FOUND), _tallies(rebuilt, TALLIED))
    differences = [
        Difference("tallies", dict(zip(_KEY, key, strict=True)), found.get(key), expected.get(key))
        for key in sorted({*found, *expected})
        if found.get(key) != expected.get(key)
    ]
    return SecondStage([Compared("tallies", len(found), len(differences), differences)])


async def _tallies(side: Side, sql: str) -> dict[tuple[Any, ...], Row]:
    rows = await side.connection.fetch(in_schema(sql, side.schema), timeout=None)
    return {
        tuple(row[name] for name in _KEY): {
            "leads": int(row["leads"]),
            "amount": int(row["amount"]),
        }
        for row in rows
    }


_KEY = ("pipeline", "stage", "currency", "shard")

_FOUND = "SELECT * FROM {s}.tallies WHERE leads <> 0 OR amount <> 0"

PROOF = Proof(
    derived=frozenset({"tallies", "pending"}),
    compare_derived=compare_derived,
    by_subject=frozenset({"decided", "activity", "traits", "belonging", "belonged"}),
    behind=behind,
)

_OF_STREAM = f"""
SELECT position, type, to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
FROM {{s}}.decided WHERE stream = $1 ORDER BY version DESC LIMIT {SHOWN}
"""

_OF_SUBJECT = f"""
SELECT position, type, to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
FROM (
    SELECT position, type, time FROM {{s}}.activity WHERE subject = $1
    UNION ALL
    SELECT position, type, time FROM {{s}}.decided WHERE subject = $1
) found ORDER BY found.time DESC LIMIT {SHOWN}
"""
