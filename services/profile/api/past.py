"""What was, and what we knew: reads as of a moment that is over."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec

from services.profile.api.context import schema_of, snapshot
from services.profile.api.parameters import Then
from services.profile.past import customer_then
from services.profile.queries.history import Horizon
from services.profile.queries.profiles import PROFILE
from services.profile.scratch import TABLES, bounded
from shared import clock
from shared.clock import rfc3339
from shared.database import Connection, in_schema
from shared.errors import BadRequest, FieldError, NotFound
from shared.service import Site

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def horizon_of(parameters: Then) -> Horizon | None:
    """The moments that are asked for; None for the present. Raises BadRequest."""
    found = Horizon(_moment("as_of", parameters.as_of), _moment("known_at", parameters.known_at))
    return found if any(found) else None


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    if _RFC_3339.fullmatch(text) is None:
        raise _wrong(name, "syntax", "is a moment as RFC 3339 has it, such as 2026-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(name, "range", "is a moment that no calendar here has") from None
    if moment > clock.now():
        raise _wrong(name, "future", "is not over yet: what will have been is not known")
    return moment


def _wrong(name: str, code: str, what: str) -> BadRequest:
    error = FieldError(f"/query/{name}", code, f"`{name}` {what}.")
    return BadRequest(error.detail, errors=(error,))


@asynccontextmanager
async def reading(
    site: Site, schema: str, subject: str, horizon: Horizon | None
) -> AsyncIterator[tuple[Connection, str]]:
    """A connection, and the schema on it in which a subject's customer is as it was then.

    Raises TooLarge, and NotReady where others are at it.
    """
    if horizon is None:
        async with snapshot(site.pool) as connection:
            yield connection, schema
        return
    async with (
        bounded(),
        customer_then(site.pool, site.view, schema, subject, horizon) as connection,
    ):
        yield connection, TABLES


def unknown(horizon: Horizon | None) -> NotFound:
    """The answer where nothing is, or was, known of a customer."""
    if horizon is None:
        return NotFound("Nothing is known of this customer.")
    return NotFound("Nothing was known of this customer then.")


async def profile_then(
    site: Site, subject: str, timeline: int, min_position: str | None, horizon: Horizon
) -> bytes:
    """The customer of a subject then, as JSON. Raises NotFound, and what `reading` raises."""
    schema = await schema_of(site, min_position)
    async with reading(site, schema, subject, horizon) as (connection, tables):
        text = await connection.fetchval(in_schema(PROFILE, tables), subject, timeline)
    if text is None:
        raise unknown(horizon)
    names = {name: rfc3339(at) if at else None for name, at in horizon._asdict().items()}
    return bytes(text[:-1], "utf-8") + b", " + msgspec.json.encode(names)[1:]
