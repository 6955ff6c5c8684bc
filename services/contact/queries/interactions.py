"""What happened with a customer, one interaction whole, and how many there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from services.contact.queries.sql import MINE, SUBJECTS, customer_of, moment
from shared.database import Connection, Pool, in_schema

MOST_TWINS = 100
"""Subjects with an event of the same name that one answer lists."""


class Whose(NamedTuple):
    """Whose interactions: a subject's alone, or those of the customer that it belongs to."""

    subject: str
    customer: bool


class Mark(NamedTuple):
    """A place in a list that is newest first."""

    time: str
    event: str
    subject: str


@dataclass(frozen=True)
class Window:
    """What part of a history is asked for: `since` <= time < `until`, and any of the lists."""

    since: datetime | None = None
    until: datetime | None = None
    channels: Sequence[str] | None = None
    types: Sequence[str] | None = None
    directions: Sequence[str] | None = None
    limit: int = 50
    after: Mark | None = None


_NEWEST_FIRST = "time DESC, event DESC, subject DESC"

_PAGE = f"""
WITH {SUBJECTS}, page AS (
    SELECT * FROM {{s}}.interactions
    WHERE subject = {MINE}
      AND ($4::timestamptz IS NULL OR time >= $4) AND ($5::timestamptz IS NULL OR time < $5)
      AND ($6::text[] IS NULL OR channel = ANY ($6))
      AND ($7::text[] IS NULL OR type = ANY ($7))
      AND ($8::text[] IS NULL OR direction = ANY ($8))
      AND ($9::text IS NULL OR (time, event, subject)
           < ($9::text::timestamptz, $10::text::uuid, $11::text::uuid))
    ORDER BY {_NEWEST_FIRST} LIMIT $3
)
SELECT time::text, event::text, subject::text, (SELECT row_to_json(r) FROM (
    SELECT event, subject, {moment("time")} AS time, c.recordedtime AS recorded, type, channel,
           direction, c.source, c.id, position, c.data) r)::text
FROM page, json_to_record(record::json) c (recordedtime text, source text, id text, data json)
ORDER BY {_NEWEST_FIRST}
"""


async def page(pool: Pool, schema: str, whose: Whose, window: Window) -> list[tuple[Mark, str]]:
    """Interactions, newest first, each with its mark; one more than the limit if there are more."""
    found = await pool.fetch(
        in_schema(_PAGE, schema),
        *whose,
        window.limit + 1,
        window.since,
        window.until,
        window.channels,
        window.types,
        window.directions,
        *(window.after or (None,) * 3),
    )
    return [(Mark(*row[:3]), row[3]) for row in found]


_WHOLE = f"""
SELECT subject::text, json_build_object('event', event, 'subject', subject,
    'customer', {customer_of("i.subject")}, 'position', position, 'record', record::json)::text
FROM {{s}}.interactions i WHERE event = $1 AND ($2::uuid IS NULL OR subject = $2)
ORDER BY subject LIMIT 1
"""

_TWINS = f"""
SELECT json_build_object('subject', subject, 'customer', {customer_of("i.subject")},
    'position', position)::text
FROM {{s}}.interactions i WHERE event = $1 ORDER BY i.subject LIMIT {MOST_TWINS}
"""


async def whole(
    connection: Connection, schema: str, event: str, subject: str | None
) -> tuple[str | None, Sequence[str]]:
    """One interaction as JSON, None where there is none; and the subjects that have one so named.

    The second is empty where a subject is given.
    """
    row = await connection.fetchrow(in_schema(_WHOLE, schema), event, subject)
    if row is None:
        return None, ()
    if subject is not None:
        return row[1], ()
    twins = await connection.fetch(in_schema(_TWINS, schema), event)
    return row[1], [twin[0] for twin in twins]


_COUNTED = """(SELECT json_build_object('day', day, 'channel', channel, 'interactions', n)
    AS counted, day, channel FROM counts)"""

_OF_SOME = f"""
WITH {SUBJECTS}, counts AS (
    SELECT (time AT TIME ZONE 'UTC')::date AS day, channel, count(*) AS n
    FROM {{s}}.interactions
    WHERE subject = {MINE}
      AND time >= $3::date::timestamp AT TIME ZONE 'UTC'
      AND time < $4::date::timestamp AT TIME ZONE 'UTC'
      AND ($5::text[] IS NULL OR channel = ANY ($5))
      AND ($6::text[] IS NULL OR type = ANY ($6))
    GROUP BY 1, 2
)
SELECT counted::text FROM {_COUNTED} c ORDER BY day, channel
"""

_OF_ALL = f"""
WITH counts AS (
    SELECT day, channel, sum(n) AS n FROM {{s}}.daily
    WHERE day >= $1 AND day < $2
      AND ($3::text[] IS NULL OR channel = ANY ($3))
      AND ($4::text[] IS NULL OR type = ANY ($4))
    GROUP BY day, channel
)
SELECT counted::text FROM {_COUNTED} c ORDER BY day, channel
"""


async def counts(
    pool: Pool,
    schema: str,
    whose: Whose | None,
    days: tuple[date, date],
    channels: Sequence[str] | None,
    types: Sequence[str] | None,
) -> list[str]:
    """Interactions per day (UTC) and channel as JSON, of somebody or of all; days without none."""
    sql = _OF_ALL if whose is None else _OF_SOME
    found = await pool.fetch(in_schema(sql, schema), *(whose or ()), *days, channels, types)
    return [row[0] for row in found]
