"""What was refused at the door: the list, one with its exact bytes, and what is to be driven."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.contact.queries.sql import moment
from shared.database import Connection, Pool, in_schema

OPEN = "open"
STATES = (OPEN, "driven", "discarded")
MOST_BYTES = 8 * 1024 * 1024
"""Bytes of items that are read at once; of the first one all."""


class Mark(NamedTuple):
    """A place in the list."""

    received: str
    id: str


@dataclass(frozen=True)
class Chosen:
    """Which items: `since` <= received < `until`, of a key, a source, for a reason, in a state."""

    since: datetime | None = None
    until: datetime | None = None
    key: str | None = None
    source: str | None = None
    code: str | None = None
    state: str | None = None

    def arguments(self) -> tuple[object, ...]:
        """In the order of the fields."""
        return (self.since, self.until, self.key, self.source, self.code, self.state)


@dataclass(frozen=True)
class Window:
    """A page of those that are chosen, newest first."""

    chosen: Chosen = Chosen()
    limit: int = 50
    after: Mark | None = None


_STATE = f"coalesce(state, '{OPEN}')"

_SHOWN = f"""id, {moment("received")} AS received, key, source, type, code,
    reasons::json AS reasons, path, content_type, size, {_STATE} AS state,
    {moment("closed")} AS closed, closed_by, outcome::json AS outcome, position"""

_CHOSEN = f"""received IS NOT NULL
  AND ($2::timestamptz IS NULL OR received >= $2) AND ($3::timestamptz IS NULL OR received < $3)
  AND ($4::text IS NULL OR key = $4) AND ($5::text IS NULL OR source = $5)
  AND ($6::text IS NULL OR code = $6) AND ($7::text IS NULL OR {_STATE} = $7)"""

_PAGE = f"""
SELECT received::text, id::text, (SELECT row_to_json(r) FROM (SELECT {_SHOWN}) r)::text
FROM {{s}}.quarantine
WHERE {_CHOSEN}
  AND ($8::text IS NULL OR (received, id) < ($8::text::timestamptz, $9::text::uuid))
ORDER BY quarantine.received DESC, id DESC LIMIT $1
"""

_ONE = f"""
SELECT (SELECT row_to_json(r) FROM (
    SELECT {_SHOWN}, sent::json -> 'headers' AS headers, sent::json -> 'around' AS around,
           CASE WHEN state IS NULL THEN bytes END AS bytes) r)::text
FROM {{s}}.quarantine WHERE id = $1 AND received IS NOT NULL
"""

_NEXT = f"""
SELECT received::text AS received, id::text AS id, size FROM {{s}}.quarantine
WHERE {_CHOSEN} AND state IS NULL
  AND ($8::text IS NULL OR (received, id) > ($8::text::timestamptz, $9::text::uuid))
ORDER BY quarantine.received, quarantine.id LIMIT $1
"""

_COUNT = f"""
SELECT count(*) FROM {{s}}.quarantine WHERE $1::integer IS NULL AND {_CHOSEN} AND state IS NULL
"""

_ITEMS = f"""
SELECT id::text AS id, {moment("received")} AS received, key, actor, path, content_type, sent,
       bytes, reasons, {_STATE} AS state
FROM {{s}}.quarantine WHERE id = ANY ($1::uuid[]) AND received IS NOT NULL
ORDER BY quarantine.received, quarantine.id
"""


async def page(pool: Pool, schema: str, window: Window) -> list[tuple[Mark, str]]:
    """What was refused, newest first, without its bytes; one more than the limit if there are."""
    found = await pool.fetch(
        in_schema(_PAGE, schema),
        window.limit + 1,
        *window.chosen.arguments(),
        *(window.after or (None, None)),
    )
    return [(Mark(*row[:2]), row[2]) for row in found]


async def one(pool: Pool, schema: str, id: str) -> str | None:
    """One as JSON, while it is open with its exact bytes in base64."""
    found: str | None = await pool.fetchval(in_schema(_ONE, schema), id)
    return found


async def oldest(
    connection: Connection, schema: str, chosen: Chosen, after: Mark | None, limit: int
) -> list[Mark]:
    """The oldest open items after a mark: at most `limit`, and 8 MiB or one."""
    rows = await connection.fetch(
        in_schema(_NEXT, schema), limit, *chosen.arguments(), *(after or (None, None))
    )
    marks: list[Mark] = []
    size = 0
    for row in rows:
        size += row["size"]
        if marks and size > MOST_BYTES:
            break
        marks.append(Mark(row["received"], row["id"]))
    return marks


async def count(pool: Pool, schema: str, chosen: Chosen) -> int:
    """How many of those that are chosen are open."""
    return int(await pool.fetchval(in_schema(_COUNT, schema), None, *chosen.arguments()))


async def items(connection: Connection, schema: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Items with all that it takes to send them again, oldest first."""
    return [dict(row) for row in await connection.fetch(in_schema(_ITEMS, schema), ids)]
