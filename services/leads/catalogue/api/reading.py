"""What the catalogue's operations have in common: conditions, stock."""

import msgspec
from fastapi import Request

from services.leads.api.context import site_of
from services.leads.catalogue import queries
from shared.deciding.command_handler import stale
from shared.http import expected_version


def expected(request: Request, version: int) -> int:
    """The version that a PUT holds for: that in If-Match, or none where nothing is there yet.

    Raises PreconditionRequired where something is there and none is named, PreconditionFailed
    where `If-None-Match: *` says that nothing should be.
    """
    if request.headers.get("if-none-match", "").strip() == "*" and version:
        raise stale("product or price list", version)
    return expected_version(request) if version or "if-match" in request.headers else 0


async def on_hand(request: Request, schema: str, *skus: str) -> dict[str, msgspec.Raw]:
    """What was counted of each; nothing of what never was."""
    async with site_of(request).pool.acquire() as connection:
        found = await queries.stock(connection, schema, skus)
    return {sku: msgspec.Raw(text.encode()) for sku, text in found.items()}
