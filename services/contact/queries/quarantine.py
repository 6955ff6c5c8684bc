"""What was refused at the door: the list, and one with its exact bytes."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.contact.queries.sql import moment
from shared.database import Pool, in_schema


class Mark(NamedTuple):
    """A place in the list."""

    received: str
    id: str


@dataclass(frozen=True)
class Window:
    """What part is asked for: `since` <= received < `until`, of a key, for a reason."""

    since: datetime | None = None
    until: datetime | None = None
    key: str | None = None
    code: str | None = None
    limit: int = 50
    after: Mark | None = None


_SHOWN = f"""id, {moment("received")} AS received, key, code, reasons::json AS reasons,
    content_type, size, position"""

_PAGE = f"""
SELECT received::text, id::text, (SELECT row_to_json(r) FROM (SELECT {_SHOWN}) r)::text
FROM {{s}}.quarantine
WHERE ($2::timestamptz IS NULL OR received >= $2) AND ($3::timestamptz IS NULL OR received < $3)
  AND ($4::text IS NULL OR key = $4) AND ($5::text IS NULL OR code = $5)
  AND ($6::text IS NULL OR (received, id) < ($6::text::timestamptz, $7::text::uuid))
ORDER BY quarantine.received DESC, id DESC LIMIT $1
"""

_ONE = f"""
SELECT (SELECT row_to_json(r) FROM (SELECT {_SHOWN}, bytes) r)::text
FROM {{s}}.quarantine WHERE id = $1
"""


async def page(pool: Pool, schema: str, window: Window) -> list[tuple[Mark, str]]:
    """What was refused, newest first, without its bytes; one more than the limit if there are."""
    found = await pool.fetch(
        in_schema(_PAGE, schema),
        window.limit + 1,
        window.since,
        window.until,
        window.key,
        window.code,
        *(window.after or (None, None)),
    )
    return [(Mark(*row[:2]), row[2]) for row in found]


async def one(pool: Pool, schema: str, id: str) -> str | None:
    """One with its exact bytes in base64, as JSON."""
    found: str | None = await pool.fetchval(in_schema(_ONE, schema), id)
    return found
