"""What the catalogue's operations have in common: conditions, histories, stock."""

import msgspec
from fastapi import Request, Response

from services.leads.api.context import cursors_of, schema_of, site_of
from services.leads.catalogue import queries
from services.leads.queries import history
from shared.deciding.command_handler import stale
from shared.http import conditional, expected_version, page
from shared.parameters import Page


def expected(request: Request, version: int) -> int:
    """The version that a PUT holds for: that in If-Match, or none where nothing is there yet.

    Raises PreconditionRequired where something is there and none is named, PreconditionFailed
    where `If-None-Match: *` says that nothing should be.
    """
    if request.headers.get("if-none-match", "").strip() == "*" and version:
        raise stale(version)
    return expected_version(request) if version or "if-match" in request.headers else 0


async def happened(request: Request, stream: str, parameters: Page) -> Response:
    """A page of the events of a stream."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"history {stream}"
    after = cursors_of(site).read(name, parameters.cursor)
    version = int(after[0] or 0) if after else 0
    async with site.pool.acquire() as connection:
        rows = await history.page(connection, schema, stream, version, parameters.limit)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write(name, [shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))


async def on_hand(request: Request, schema: str, *skus: str) -> dict[str, msgspec.Raw]:
    """What was counted of each; nothing of what never was."""
    async with site_of(request).pool.acquire() as connection:
        found = await queries.stock(connection, schema, skus)
    return {sku: msgspec.Raw(text.encode()) for sku, text in found.items()}
