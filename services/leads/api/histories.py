"""What happened to one thing: the events of its stream, page by page."""

from fastapi import Request, Response

from services.leads.api.context import cursors_of, schema_of, site_of
from services.leads.queries import history
from shared.http import conditional, page
from shared.parameters import Page


async def happened(request: Request, stream: str, parameters: Page) -> Response:
    """A page of the events of a stream."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"history {stream}"
    after = cursors_of(site).read(name, parameters.cursor)
    place = int(after[0] or 0) if after else 0
    async with site.pool.acquire() as connection:
        rows = await history.page(connection, schema, stream, place, parameters.limit)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write(name, [shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))
