"""What every operation of the profile's API starts from: the site, the schema, the identifier."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from shared.auth import Key
from shared.cursors import Cursors
from shared.database import Connection, Pool, in_schema
from shared.errors import FieldError, Unprocessable
from shared.generations import PASSED, located
from shared.http import wait_until, wrong_parameter
from shared.identifiers import (
    KINDS,
    MAX_LENGTH,
    RANK,
    WITHOUT_NAMESPACE,
    is_blocked,
    normalise,
    subject,
)
from shared.messages import Identifier, Place
from shared.service import Site, schema_served


def site_of(request: Request) -> Site:
    """What the service has at hand: `app.state.site`."""
    found: Site = request.app.state.site
    return found


def cursors_of(site: Site) -> Cursors:
    return Cursors(site.secret)


async def schema_of(site: Site, min_position: str | None = None, *, listed: bool = False) -> str:
    """The schema to read, once it has `min_position`. Raises NotReady, Unprocessable.

    A list waits for its rows too; all else sums facts itself and waits for belonging alone.
    """
    schema = await schema_served(site)
    await wait_until(min_position, lambda place: _reached(site, schema, place, listed))
    return schema


async def _reached(site: Site, schema: str, place: Place, listed: bool) -> bool:
    """Whether all up to a place is folded and resolved."""
    try:
        at = located(site.schema.sources, site.settings.topic_prefix, site.partitions, place)
    except ValueError:
        raise wrong_parameter(
            "min_position", "position", "This position is of no topic that is read here."
        ) from None
    arguments = (*at, place.partition, place.offset, place.topic, listed)
    return bool(await site.pool.fetchval(in_schema(_REACHED, schema), *arguments))


_REACHED = f"""
SELECT {PASSED} AND NOT EXISTS (
    SELECT FROM {{s}}.pending p
    WHERE p.topic = $5 AND p.partition = $3 AND p.next_offset <= $4 + 1
      AND ($6 OR p.kind = 'pair'))
"""


def identifier(
    secret: bytes, key: Key, kind: str, namespace: str | None, value: str, pointer: str
) -> Identifier:
    """An identifier as it was given, normalised, with its subject; no namespace means the key's.

    Raises Unprocessable for one that identifies nobody; `pointer` is to what gave it, and with
    a slash at its end to the object with its fields.
    """
    if kind not in RANK:
        kinds = ", ".join(reversed(KINDS))
        raise _nobody(pointer, "kind", f"An identifier's kind is one of {kinds}.")
    value = normalise(kind, value)
    if not 0 < len(value) <= MAX_LENGTH or is_blocked(value):
        raise _nobody(pointer, "value", "This value identifies nobody.")
    space = key.namespace if namespace is None else namespace
    space = "" if kind in WITHOUT_NAMESPACE else space
    return Identifier(kind, value, space, subject(secret, kind, space, value))


def _nobody(pointer: str, field: str, detail: str) -> Unprocessable:
    at = f"{pointer}{field}" if pointer.endswith("/") else pointer
    return Unprocessable(detail, code="identifier", errors=(FieldError(at, field, detail),))


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection whose statements all see the same moment."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection
