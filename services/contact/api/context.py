"""What every operation of contact's API starts from: the site, the schema, a page's cursor."""

from collections.abc import Sequence

from fastapi import Request

from shared.cursors import Cursors
from shared.database import in_schema
from shared.generations import PASSED, located
from shared.http import page, wait_until, wrong_parameter
from shared.messages import Place
from shared.service import Site, schema_served


def site_of(request: Request) -> Site:
    """What the service has at hand: `app.state.site`."""
    found: Site = request.app.state.site
    return found


async def schema_of(site: Site, min_position: str | None = None) -> str:
    """The schema to read, once it has `min_position`. Raises NotReady, Unprocessable."""
    schema = await schema_served(site)
    await wait_until(min_position, lambda place: _reached(site, schema, place))
    return schema


async def _reached(site: Site, schema: str, place: Place) -> bool:
    try:
        at = located(site.schema.sources, site.settings.topic_prefix, site.partitions, place)
    except ValueError:
        raise wrong_parameter(
            "min_position", "position", "This position is of no topic that is read here."
        ) from None
    arguments = (*at, place.partition, place.offset)
    return bool(await site.pool.fetchval(in_schema(_REACHED, schema), *arguments))


_REACHED = f"SELECT {PASSED}"


def mark_of(site: Site, listing: str, cursor: str | None) -> list[str] | None:
    """The mark behind a cursor of a listing. Raises Unprocessable."""
    place = Cursors(site.secret).read(listing, cursor)
    return None if place is None else [str(part) for part in place]


def page_of(
    site: Site, listing: str, rows: Sequence[tuple[tuple[str, ...], str]], limit: int
) -> bytes:
    """A page of rows of (mark, JSON), of which there is one more where another page follows."""
    shown = rows[:limit]
    more = len(rows) > limit
    cursor = Cursors(site.secret).write(listing, [*shown[-1][0]]) if more else None
    return page([row[1] for row in shown], cursor)
