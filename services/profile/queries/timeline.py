"""What happened to a customer, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.profile.queries.profiles import NEWEST_FIRST, TIMELINE_ROW
from services.profile.queries.sql import MINE, PRESENT
from shared.database import Connection, in_schema


class Mark(NamedTuple):
    """A place in a timeline."""

    time: str
    recorded: str
    source: str
    id: str
    subject: str


_MARK = ("$6::text::timestamptz", "$7::text::timestamptz", "$8", "$9", "$10::text::uuid")

_PAGE = f"""
WITH {PRESENT}, page AS (
    SELECT * FROM {{s}}.events
    WHERE subject = {MINE}
      AND ($3::timestamptz IS NULL OR time >= $3) AND ($4::timestamptz IS NULL OR time < $4)
      AND ($5::text[] IS NULL OR type = ANY ($5))
      AND ($6::text IS NULL OR (time, recorded, source, id, subject) < ({", ".join(_MARK)}))
      AND ($11::text[] IS NULL OR channel = ANY ($11))
      AND ($12::text[] IS NULL OR direction = ANY ($12))
    ORDER BY {NEWEST_FIRST} LIMIT $2
)
SELECT time::text, recorded::text, source, id, subject::text,
       (SELECT row_to_json(r) FROM (SELECT {TIMELINE_ROW}) r)::text
FROM page ORDER BY {NEWEST_FIRST}
"""

_KNOWN = f"""
WITH {PRESENT}
SELECT customer::text FROM members
WHERE EXISTS (SELECT FROM {{s}}.identifiers WHERE subject = ANY (members.subjects))
"""


@dataclass(frozen=True)
class Window:
    """What part of a timeline is asked for: `since` <= time < `until`, and any of the lists."""

    since: datetime | None = None
    until: datetime | None = None
    types: Sequence[str] | None = None
    channels: Sequence[str] | None = None
    directions: Sequence[str] | None = None
    limit: int = 50
    after: Mark | None = None


async def page(
    connection: Connection, schema: str, subject: str, window: Window
) -> Sequence[tuple[Mark, str]]:
    """Events of the subject's present customer, each with its mark; one more if there are more."""
    found = await connection.fetch(
        in_schema(_PAGE, schema),
        subject,
        window.limit + 1,
        window.since,
        window.until,
        window.types,
        *(window.after or (None,) * 5),
        window.channels,
        window.directions,
    )
    return [(Mark(*row[:5]), row[5]) for row in found]


async def present(connection: Connection, schema: str, subject: str) -> str | None:
    """The present customer of a subject; None where nothing is known of it."""
    customer: str | None = await connection.fetchval(in_schema(_KNOWN, schema), subject)
    return customer
