"""Full text over interactions: PostgreSQL's, by the words of each event's own text fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import NamedTuple

import asyncpg
import msgspec

from services.contact.queries.interactions import Whose
from services.contact.queries.sql import MINE, SUBJECTS, moment
from shared.database import Connection, Pool, in_schema
from shared.errors import FieldError, Unprocessable

TIMEOUT_MS = 5_000
"""Of one search."""

MOST = 10_000
"""Interactions, the latest ones, that a search ranks."""

_ON, _OFF = "\ue000", "\ue001"  # private characters: what marks words is in no text that we show


class Mark(NamedTuple):
    """A place in a list by rank, of equals the newest first."""

    rank: str
    time: str
    event: str
    subject: str


@dataclass(frozen=True)
class Search:
    """The words, and what part is searched: `since` <= time < `until`, and any of the lists."""

    words: str
    whose: Whose | None = None
    since: datetime | None = None
    until: datetime | None = None
    channels: Sequence[str] | None = None
    types: Sequence[str] | None = None
    limit: int = 50
    after: Mark | None = None


_VECTOR = "to_tsvector('simple', words)"
_QUERY = "websearch_to_tsquery('simple', $3)"
_RANKED = "rank DESC, time DESC, event DESC, subject DESC"


def _page(within: str) -> str:
    """The statement; `within` says whose. The latest matches are ranked, however many there are."""
    return f"""
WITH {SUBJECTS}, latest AS MATERIALIZED (
    SELECT subject, event, time FROM {{s}}.interactions
    WHERE words <> '' AND {_VECTOR} @@ {_QUERY} AND {within}
      AND ($5::timestamptz IS NULL OR time >= $5) AND ($6::timestamptz IS NULL OR time < $6)
      AND ($7::text[] IS NULL OR channel = ANY ($7))
      AND ($8::text[] IS NULL OR type = ANY ($8))
    ORDER BY time DESC, event DESC, subject DESC LIMIT {MOST}
), ranked AS (
    SELECT i.*, ts_rank({_VECTOR}, {_QUERY}) AS rank
    FROM latest JOIN {{s}}.interactions i USING (subject, event)
), page AS (
    SELECT * FROM ranked
    WHERE ($9::text IS NULL OR (rank, time, event, subject)
           < ($9::text::real, $10::text::timestamptz, $11::text::uuid, $12::text::uuid))
    ORDER BY {_RANKED} LIMIT $4
)
SELECT rank::text, time::text, event::text, subject::text,
    ts_headline('simple', translate(words, '{_ON}{_OFF}', ''), {_QUERY}, '{_HEADLINE}') AS marked,
    (SELECT row_to_json(r) FROM (
        SELECT event, subject, {moment("time")} AS time, c.recordedtime AS recorded, type, channel,
           direction, c.source, c.id, position, rank) r)::text AS shown
FROM page, json_to_record(record::json) c (recordedtime text, source text, id text)
ORDER BY {_RANKED}
"""


_HEADLINE = (
    f"StartSel={_ON}, StopSel={_OFF}, MaxFragments=3, MaxWords=20, MinWords=8,"
    ' FragmentDelimiter=" … "'
)
_OF_ALL = _page("$1::uuid IS NULL AND $2::boolean IS NULL")
_OF_SOME = _page(f"subject = {MINE}")

_INDEXABLE = "SELECT querytree(websearch_to_tsquery('simple', $1))"


async def page(pool: Pool, schema: str, search: Search) -> list[tuple[Mark, str]]:
    """What was found as JSON, best first; one more than the limit if there are more.

    Raises Unprocessable where no word must be there, or where it takes too long.
    """
    sql = in_schema(_OF_ALL if search.whose is None else _OF_SOME, schema)
    arguments = (
        *(search.whose or (None, None)),
        *(search.words, search.limit + 1, search.since, search.until),
        *(search.channels, search.types, *(search.after or (None, None, None, None))),
    )
    try:
        async with pool.acquire() as connection, connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = {TIMEOUT_MS}")
            if not await _has_words(connection, search.words):
                raise _wrong("words", "Name at least one word that is to be there.")
            rows = await connection.fetch(sql, *arguments)
    except asyncpg.QueryCanceledError:
        detail = "This takes too long; name rarer words, a customer, or a shorter time."
        raise _wrong("too_broad", detail) from None
    return [(Mark(*row[:4]), _shown(row["shown"], row["marked"])) for row in rows]


async def _has_words(connection: Connection, words: str) -> bool:
    """Whether a word must be there, so that an index can find it."""
    try:
        return await connection.fetchval(_INDEXABLE, words) not in ("", "T")
    except asyncpg.InternalServerError:  # "tsquery stack too small": hundreds of signs in a row
        return False


def _shown(row: str, marked: str) -> str:
    """The row with its words, safe to stand in a page: all but our own marks is escaped."""
    text = escape(marked, quote=False).replace(_ON, "<mark>").replace(_OFF, "</mark>")
    return f'{row[:-1]},"excerpt":{msgspec.json.encode(text).decode()}}}'


def _wrong(code: str, detail: str) -> Unprocessable:
    return Unprocessable(detail, code=code, errors=(FieldError("/q", code, detail),))
