"""What operations on quotes start from: which quote, which lead, the catalogue, the answer."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import date, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends, Request, Response

from services.leads.api.context import answer, handler_of, lead, site_of
from services.leads.catalogue import loading
from services.leads.catalogue.api.seeing import is_partner, price_list_for
from services.leads.catalogue.pricing import Catalogue
from services.leads.quotes.api import shown
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.decider.knowing import Written, known
from shared.auth import Key, require
from shared.deciding.command_handler import Handled, stale
from shared.deciding.store import Kept
from shared.errors import FieldError, NotFound, Unprocessable
from shared.http import expected_version
from shared.idempotency import once

Reader = Annotated[Key, Depends(require("read"))]
DEFAULT_DAYS = 30
"""Days for which a quote is valid that names no day."""


class Found(NamedTuple):
    """A quote that the key may see, with its lead."""

    kept: Kept
    state: Written
    lead: Kept


async def quote_of(request: Request, key: Key, id: UUID) -> Found:
    """A quote is seen by whoever sees its lead. Raises NotFound."""
    kept = await handler_of(request).load(QUOTE, str(id))
    state = known(kept.state)
    try:
        of = await lead(request, key, UUID(state.quote.lead))
    except NotFound:
        raise NotFound("There is no such quote.", code="unknown_quote") from None
    return Found(kept, state, of)


async def priced_by(
    request: Request, key: Key, asked: str | None, present: str | None, skus: Iterable[str]
) -> Catalogue:
    """What prices lines: by the list that is asked for, else the present one; a partner by its own.

    Raises Forbidden, Conflict, and Unprocessable for a list that there is not.
    """
    name = await price_list_for(request, key, asked or (None if is_partner(key) else present))
    try:
        return await loading.catalogue(handler_of(request), name, skus)
    except NotFound as missing:
        error = FieldError("/price_list", missing.code, missing.detail)
        raise Unprocessable(missing.detail, code=missing.code, errors=(error,)) from None


def in_days(at: str, days: int = DEFAULT_DAYS) -> str:
    """The day so many days after a moment's."""
    return (date.fromisoformat(at[:10]) + timedelta(days=days)).isoformat()


async def for_version(
    request: Request, id: UUID, key: Key, work: Callable[[Found], Awaitable[Handled]]
) -> Response:
    """Work for the version that was seen, once for an Idempotency-Key; the quote as it is then."""

    async def run() -> Response:
        expected = expected_version(request)
        found = await quote_of(request, key, id)
        if found.kept.version != expected:
            raise stale("quote", found.kept.version)
        return answered(request, found.lead, await work(found))

    return await once(site_of(request).pool, key, request, run)


def answered(request: Request, of: Kept, handled: Handled, status: int = 200) -> Response:
    document = shown.quote(handled.stream, handled.version, handled.state)
    return answer(request, handled, str(of.partitionkey), document, status)
