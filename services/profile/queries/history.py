"""What a view keeps of events, given back as the records they were folded from."""

from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.profile.queries.sql import moment
from shared.database import Connection, in_schema
from shared.messages import Record, parse_position


class Horizon(NamedTuple):
    """How far events are looked at: those that had happened, and those that we knew, by then."""

    as_of: datetime | None = None
    known_at: datetime | None = None


_COLUMNS = f"""e.subject::text AS partitionkey, {moment("e.time")} AS time,
    {moment("e.recorded")} AS recordedtime, e.type, e.source, e.id, e.key AS ingestkey,
    e.position, e.data"""

_SEEN = """($1::timestamptz IS NULL OR e.time <= $1)
  AND ($2::timestamptz IS NULL OR e.recorded <= $2)"""

# What is in the scratch already needs no second look.
_FRESH = """NOT EXISTS (
    SELECT FROM pg_temp.{t} t WHERE t.subject = e.subject AND t.event = e.event)"""


def _events(source: str, table: str = "events", columns: str = _COLUMNS) -> str:
    """Events of a source that joins {s}.<table> e, within the horizon, that are not folded yet."""
    return f"""
SELECT {columns} FROM {source} AND {_SEEN} AND {_FRESH.replace("{t}", table)} LIMIT $3
"""


_OF_SUBJECTS = _events("{s}.events e WHERE e.subject = ANY ($4::uuid[])")

_NAMING = _events(
    """unnest($4::uuid[], $5::text[]) g (holder, named)
JOIN {s}.events e ON e.subject = g.holder AND strpos(e.data, g.named) > 0 WHERE true""",
    columns=f"DISTINCT ON (e.subject, e.event) {_COLUMNS}",
)

_NAMED = _events(
    """unnest($4::uuid[], $5::uuid[]) g (subject, event)
JOIN {s}.events e ON e.subject = g.subject AND e.event = g.event WHERE true""",
    columns=f"DISTINCT ON (e.subject, e.event) {_COLUMNS}",
)

_DECIDED = _events(
    """(SELECT DISTINCT unnest(ARRAY[weaker, stronger]) AS subject FROM {s}.decisions
 WHERE weaker = ANY ($4::uuid[]) OR stronger = ANY ($4::uuid[])) g
JOIN {s}.decided e ON e.subject = g.subject WHERE true""",
    table="decided",
    columns=f"{_COLUMNS}, e.actor",
)

_DISOWNED = _events(
    """{s}.disowned g
JOIN {s}.decided e ON e.subject = g.event_subject WHERE true""",
    table="decided",
    columns=f"{_COLUMNS}, e.actor",
)

_OF_LEADS = _events(
    "{s}.lead_events e WHERE e.subject = ANY ($4::uuid[])",
    table="lead_events",
    columns=f"{_COLUMNS}, e.actor, e.stream::text AS stream, e.streamversion",
)

# Of a consent also by whose address it is: what says so may name nobody else.
_MENTIONING = _events(
    """(SELECT kind, namespace, number FROM pg_temp.mentions
 WHERE subject = ANY ($4::uuid[]) AND kind <> 'organisation'
 UNION
 SELECT 'consent', channel, address FROM {s}.consents WHERE subject = ANY ($4::uuid[])) g
JOIN {s}.mentions m USING (kind, namespace, number)
JOIN {s}.events e ON e.subject = m.subject AND e.event = m.event WHERE true"""
)

_ORGANISATIONS = """
SELECT DISTINCT namespace, number FROM pg_temp.memberships WHERE subject = ANY ($1::uuid[])
"""

_OF_ORGANISATION = f"""
SELECT {_COLUMNS}
FROM {{s}}.mentions m JOIN {{s}}.events e ON e.subject = m.subject AND e.event = m.event
WHERE m.kind = 'organisation' AND m.namespace = $3 AND m.number = $4
  AND strpos(e.data, '"name"') > 0 AND {_SEEN}
ORDER BY e.time DESC, e.recorded DESC, e.source DESC, e.id DESC
"""

_encode = msgspec.json.Encoder().encode


def record(row: Any) -> Record:
    """The record of an event's row. Its time is the earlier of `time` and `recordedtime`.

    That gives the same stamps, so that it folds to the same rows; other attributes are left out.
    """
    fields: dict[str, Any] = {"specversion": "1.0"} | dict(row)
    place = parse_position(fields.pop("position"))
    fields["data"] = msgspec.Raw(fields["data"].encode())
    return Record(place, row["partitionkey"].encode(), _encode(fields))


class History:
    """The events of a view schema up to a horizon, less those that are in the scratch already.

    Each method answers at most `most` records.
    """

    def __init__(self, connection: Connection, schema: str, horizon: Horizon, most: int) -> None:
        self._connection = connection
        self._schema = schema
        self._horizon = horizon
        self._most = most

    async def of(self, subjects: Collection[str]) -> list[Record]:
        """Events partitioned by these subjects."""
        return await self._records(_OF_SUBJECTS, [*subjects])

    async def naming(self, holders: Collection[tuple[str, str]]) -> list[Record]:
        """Of each (holder, other), the events partitioned by the one that name the other."""
        return await self._records(_NAMING, *_columns(holders))

    async def named(self, events: Collection[tuple[str, str]]) -> list[Record]:
        """These events, each (subject, event)."""
        return await self._records(_NAMED, *_columns(events))

    async def decisions(self, subjects: Collection[str]) -> list[Record]:
        """All that was ever decided about these subjects."""
        return await self._records(_DECIDED, [*subjects])

    async def disowned(self) -> list[Record]:
        """The keys that were disowned, whoever they let in."""
        rows = await self._connection.fetch(
            in_schema(_DISOWNED, self._schema), *self._horizon, self._most
        )
        return [record(row) for row in rows]

    async def leads(self, subjects: Collection[str]) -> list[Record]:
        """What happened to the leads of these subjects."""
        return await self._records(_OF_LEADS, [*subjects])

    async def mentioning(self, subjects: Collection[str]) -> list[Record]:
        """Events of anybody about the things that events of these subjects mention."""
        return await self._records(_MENTIONING, [*subjects])

    async def organisations(self, subjects: Collection[str]) -> Sequence[tuple[str, str]]:
        """Namespace and number of the organisations that these belong or belonged to."""
        found = await self._connection.fetch(_ORGANISATIONS, [*subjects])
        return [(row["namespace"], row["number"]) for row in found]

    async def of_organisation(self, namespace: str, number: str) -> AsyncGenerator[Record, None]:
        """What was said of an organisation, latest first: to be read only as far as needed."""
        sql = in_schema(_OF_ORGANISATION, self._schema)
        async for row in self._connection.cursor(sql, *self._horizon, namespace, number):
            yield record(row)

    async def _records(self, sql: str, *args: Sequence[str]) -> list[Record]:
        if not args[0]:
            return []
        rows = await self._connection.fetch(
            in_schema(sql, self._schema), *self._horizon, self._most, *args
        )
        return [record(row) for row in rows]


def _columns(rows: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [row[0] for row in rows], [row[1] for row in rows]
