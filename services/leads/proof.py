"""How a view of leads is proven: row by row, and what is tallied against the leads themselves."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import msgspec

from services.leads.decider.pipeline import stream_of
from services.leads.decider.scoring import STREAM
from services.leads.made_by import (
    MadeBy,
    OfStream,
    OneEvent,
    Revisions,
    forgotten,
    itself,
    stamped,
    stream,
    version,
    version_in,
)
from services.leads.part import Part
from services.leads.projections import TALLIED
from services.leads.queries.sql import moment
from shared.comparing import Compared, Difference, Proof, Row, SecondStage, Side
from shared.database import in_schema

SHOWN = 5
"""Events behind a row that are shown, the latest."""

LOOKED_AT = 1_000
"""Events of a stream, the latest, that are looked at for those that tell of a row."""

MADE_BY: Mapping[str, MadeBy] = {
    "decided": itself,
    "activity": itself,
    "traits": stamped("stamp"),
    "leads": stream("lead"),
    "stays": version("lead"),
    "fields": version("lead"),
    "pipelines": stream("name", stream_of),
    "scorings": version_in(STREAM),
    "belonging": lambda row: [Revisions(row["subject"])],
    "belonged": lambda row: [Revisions(row["subject"], row["revision"])],
    "parked": itself,
    "reached": forgotten,
}
"""The events behind a row of the tables that are not those of parts."""


def proof(parts: Sequence[Part]) -> Proof:
    """How the tables of leads are compared, and those of the parts."""
    made_by = {**MADE_BY}
    for part in parts:
        made_by |= part.made_by

    async def behind(side: Side, table: str, row: Row) -> list[Row]:
        """The latest events that made a row."""
        found = [await _found(side, events) for events in made_by[table](row)]
        if len(found) == 1:  # in the order of its versions
            return found[0][:SHOWN]
        several = [each for one in found for each in one]
        return sorted(several, key=lambda each: str(each["time"]), reverse=True)[:SHOWN]

    return Proof(
        derived=frozenset({"tallies", "pending"}),
        compare_derived=compare_derived,
        by_subject=frozenset({"decided", "activity", "traits", "belonging", "belonged"}),
        behind=behind,
    )


async def _found(side: Side, events: OfStream | OneEvent | Revisions) -> list[Row]:
    match events:
        case OfStream():
            return await _of_stream(side, events)
        case OneEvent():
            sql = _OF_EVENT
        case Revisions():
            sql = _REVISIONS
        case _:
            assert_never(events)
    return [dict(row) for row in await side.connection.fetch(in_schema(sql, side.schema), *events)]


async def _of_stream(side: Side, events: OfStream) -> list[Row]:
    """The latest of them first."""
    tells = events.tells
    args = (events.stream, events.version, SHOWN if tells is None else LOOKED_AT)
    rows = await side.connection.fetch(in_schema(_OF_STREAM, side.schema), *args)
    return [
        {name: row[name] for name in ("position", "type", "time")}
        for row in rows
        if tells is None or tells(msgspec.json.decode(row["record"])["data"])
    ]


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

_OF_STREAM = f"""
SELECT position, type, {moment("time")} AS time, record FROM {{s}}.decided
WHERE stream = $1::text::uuid AND ($2::integer IS NULL OR version = $2)
ORDER BY version DESC LIMIT $3
"""

_OF_EVENT = f"""
SELECT position, type, {moment("time")} AS time
FROM (SELECT subject, event, position, type, time FROM {{s}}.activity
      UNION ALL SELECT subject, event, position, type, time FROM {{s}}.decided) known
WHERE (subject, event) = ($1::text::uuid, $2::text::uuid)
"""

# The view knows what was told and when, not where it stands in the log.
_REVISIONS = f"""
SELECT 'belongs' AS type, {moment("told")} AS time, customer::text, revision
FROM {{s}}.belonged WHERE subject = $1::text::uuid AND ($2::bigint IS NULL OR revision = $2)
ORDER BY belonged.revision DESC LIMIT {SHOWN}
"""
