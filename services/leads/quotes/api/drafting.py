"""Quotes drafted, revised, and what is offered meanwhile."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.leads.api.capturing import IdempotencyKey, Writer
from services.leads.api.commands import IfMatch
from services.leads.api.context import (
    fresh_id,
    handler_of,
    lead,
    moment,
    origin_of,
    schema_of,
    site_of,
)
from services.leads.catalogue import loading
from services.leads.catalogue.api.seeing import is_partner, price_list_for
from services.leads.catalogue.pricing import configuration, offers
from services.leads.quotes.api import examples
from services.leads.quotes.api.bodies import QuoteBody, RevisionBody, lines_of
from services.leads.quotes.api.context import (
    Found,
    Reader,
    answered,
    for_version,
    in_days,
    priced_by,
    quote_of,
)
from services.leads.quotes.commands import DraftQuote, ReviseQuote, Wording
from services.leads.quotes.decider import OPPORTUNITY, QUOTE
from services.leads.quotes.decider.opportunity import stream_of
from services.leads.quotes.events import Content
from services.leads.quotes.numbers import number_of
from services.leads.quotes.states import Described
from shared.auth import Key
from shared.deciding.command_handler import Handled
from shared.deciding.store import Kept
from shared.documents import answers
from shared.http import json_response
from shared.idempotency import once
from shared.parameters import Parameters

router = APIRouter(tags=["quotes"])


@router.post(
    "/v1/leads/{id}/quotes",
    summary="Draft a quote for a lead",
    responses=answers(examples.DRAFTED, 400, 404, 409, 413, success=201),
    response_class=Response,
    status_code=201,
)
async def draft(
    request: Request,
    id: UUID,
    body: QuoteBody,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Its version 1, priced by the present version of the list on this day; kept as it was priced.

    `number` is for people. Without lines it has those of the opportunity. 422 points to what is
    unknown, retired or without a price. A partner quotes by its own price list.
    """

    async def run() -> Response:
        of = await lead(request, key, id)
        fresh = fresh_id("quote", key, of.stream, idempotency_key)
        handled = await _again(request, fresh) if idempotency_key else None
        return answered(request, of, handled or await _draft(request, key, body, of, fresh), 201)

    return await once(site_of(request).pool, key, request, run)


async def _again(request: Request, fresh: str) -> Handled | None:
    """The quote, where it was drafted and the answer was lost."""
    kept = await handler_of(request).load(QUOTE, fresh)
    return Handled(fresh, kept.version, kept.state, (), None) if kept.version else None


async def _draft(request: Request, key: Key, body: QuoteBody, of: Kept, fresh: str) -> Handled:
    at, content = moment(), await _content(request, of)
    lines = content.lines if body.lines is None else lines_of(body.lines)
    present = content.priced.price_list if content.priced else None
    skus = sorted({line.sku for line in lines})
    command = DraftQuote(
        lead=of.stream,
        state=of.state,
        number=number_of(fresh, at[:4]),
        catalogue=await priced_by(request, key, body.price_list, present, skus),
        lines=lines,
        wording=Wording(
            valid_until=body.valid_until or in_days(at),
            terms=body.terms,
            language=body.language,
            address=tuple(body.address),
        ),
        at=at,
    )
    return await handler_of(request).carry_out(
        *(QUOTE, fresh, command, origin_of(key)), partitionkey=str(of.partitionkey)
    )


async def _content(request: Request, of: Kept) -> Content:
    """What the opportunity says."""
    state = (await handler_of(request).load(OPPORTUNITY, stream_of(of.stream))).state
    return state.content if isinstance(state, Described) else Content()


@router.post(
    "/v1/quotes/{id}/revise",
    summary="Write a new version of a quote",
    responses=answers(examples.CHANGED, 400, 404, 409, 412, 413, 428),
    response_class=Response,
)
async def revise(
    request: Request,
    id: UUID,
    body: RevisionBody,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Priced anew, by the present version of the list. What is left out is as it was.

    What was sent may be accepted until the new version is sent. A quote that was declined or has
    expired is in work again.
    """

    async def run(found: Found) -> Handled:
        latest = found.state.quote.latest
        lines = latest.lines if body.lines is None else lines_of(body.lines)
        skus, present = sorted({line.sku for line in lines}), latest.priced.price_list
        command = ReviseQuote(
            state=found.lead.state,
            catalogue=await priced_by(request, key, body.price_list, present, skus),
            lines=lines,
            wording=Wording(
                valid_until=body.valid_until,
                terms=latest.terms if body.terms is None else body.terms,
                language=body.language or latest.language,
                address=latest.address if body.address is None else tuple(body.address),
            ),
            at=moment(),
        )
        return await handler_of(request).carry_out(
            *(QUOTE, found.kept.stream, command, origin_of(key)),
            partitionkey=str(found.lead.partitionkey),
            expected=found.kept.version,
        )

    return await for_version(request, id, key, run)


@router.get(
    "/v1/quotes/{id}/offers",
    summary="What is offered while quoting",
    responses=answers(examples.OFFERS, 404, 409),
    response_class=Response,
)
async def offered(
    request: Request, id: UUID, parameters: Annotated[Parameters, Query()], key: Reader
) -> Response:
    """For the lines of the latest version, by the present version of its list on this day.

    `offers` are bundles that cost less, what is better, and what goes with it, each with the
    `difference` that it makes, in minor units of `currency`. `findings` are rules of products that
    the lines break: with any the quote is not sent. A partner is offered by its own list.
    """
    found = await quote_of(request, key, id)
    latest = found.state.quote.latest
    present = None if is_partner(key) else latest.priced.price_list
    name = await price_list_for(request, key, present)
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    skus = sorted({line.sku for line in latest.lines})
    async with site.pool.acquire() as connection:
        there = await loading.offering(handler_of(request), connection, schema, name, skus)
    content: dict[str, Any] = {
        "price_list": there.price_list.name,
        "version": there.price_list.version,
        "day": moment()[:10],
        "currency": there.price_list.currency,
        "findings": msgspec.to_builtins(configuration(there, latest.lines)),
        "offers": msgspec.to_builtins(offers(there, latest.lines)),
    }
    return json_response(content)
