"""The commercial side of a lead over HTTP."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.leads.api.capturing import IdempotencyKey, Writer
from services.leads.api.context import (
    answer,
    handler_of,
    lead,
    moment,
    origin_of,
    site_of,
)
from services.leads.api.histories import happened
from services.leads.catalogue import loading
from services.leads.catalogue.api.products import IfMatch, IfNoneMatch
from services.leads.catalogue.api.reading import expected
from services.leads.decider import LEAD
from services.leads.quotes.api import examples, shown
from services.leads.quotes.api.bodies import OpportunityBody, lines_of
from services.leads.quotes.api.context import Reader, priced_by
from services.leads.quotes.commands import DescribeOpportunity
from services.leads.quotes.decider import OPPORTUNITY
from services.leads.quotes.decider.opportunity import for_lead, stream_of
from shared.auth import Key
from shared.deciding.command_handler import Handled, Wanted, stale
from shared.deciding.store import Kept
from shared.documents import answers
from shared.http import json_response, version_tag
from shared.idempotency import once
from shared.parameters import Page

router = APIRouter(tags=["quotes"])


@router.get(
    "/v1/leads/{id}/opportunity",
    summary="The opportunity of a lead",
    responses=answers(examples.OPPORTUNITY, 404),
    response_class=Response,
)
async def one_opportunity(request: Request, id: UUID, key: Reader) -> Response:
    """People and their roles, lines of products, the next step. Version 0: nothing was said yet.

    `of_lead` is what the lead has: its amount is what boards and forecasts count. It is that of
    the lines, until somebody describes the lead otherwise. Money in minor units of `currency`.
    """
    of = await lead(request, key, id)
    kept = await handler_of(request).load(OPPORTUNITY, stream_of(of.stream))
    document = shown.opportunity(of.stream, kept.version, kept.state, of.state)
    tag = {"ETag": version_tag(kept.version)} if kept.version else {}
    return json_response(document, headers=tag)


@router.get(
    "/v1/leads/{id}/opportunity/history",
    summary="What changed of an opportunity, and when",
    responses=answers(examples.OPPORTUNITY_HISTORY, 304, 404),
    response_class=Response,
)
async def what_changed(
    request: Request, id: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of its events, oldest first: `content` is how it was then, `changed` what differed."""
    of = await lead(request, key, id)
    return await happened(request, stream_of(of.stream), parameters)


@router.put(
    "/v1/leads/{id}/opportunity",
    summary="Describe the opportunity of a lead",
    responses=answers(examples.DESCRIBED, 400, 404, 409, 412, 413, 428),
    response_class=Response,
)
async def describe(
    request: Request,
    id: UUID,
    body: OpportunityBody,
    key: Writer,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """All of it; what is left out is empty. Refused for a lead that is closed: 409.

    With a price list the lines come to an amount by its present version, on this day; without one
    they have no amounts, and `amount` is an estimate. In the same transaction the lead gets the
    amount, its currency, `expected_close`, and as product that of the line that comes to most.
    The first time nothing is needed; from then on `If-Match` with the ETag of the opportunity.
    """

    async def run() -> Response:
        of = await lead(request, key, id)
        kept = await handler_of(request).load(OPPORTUNITY, stream_of(of.stream))
        version = expected(request, kept.version)
        if version != kept.version:
            raise stale("opportunity", kept.version)
        command = await _command(request, key, body, of)
        done, told = await handler_of(request).carry_out_all(
            [_opportunity(of, kept, command), _lead(of, kept, command)], origin_of(key)
        )
        document = shown.opportunity(of.stream, done.version, done.state, told.state)
        return answer(request, _later(done, told), str(of.partitionkey), document)

    return await once(site_of(request).pool, key, request, run)


def _opportunity(of: Kept, kept: Kept, command: DescribeOpportunity) -> Wanted:
    def upon(states: Mapping[str, Any]) -> DescribeOpportunity:
        return replace(command, state=states[of.stream])

    return Wanted(OPPORTUNITY, kept.stream, upon, str(of.partitionkey), kept.version)


def _lead(of: Kept, kept: Kept, command: DescribeOpportunity) -> Wanted:
    """The lead's half, in the same transaction."""
    described = for_lead(kept.state, command)
    return Wanted(LEAD, of.stream, lambda _: described, str(of.partitionkey))


def _later(done: Handled, told: Handled) -> Handled:
    """The opportunity's, at the position of what was written last."""
    positions = [each.position for each in (done, told) if each.position is not None]
    position = max(positions, default=None)
    return Handled(done.stream, done.version, done.state, done.events, position)


async def _command(
    request: Request, key: Key, body: OpportunityBody, of: Kept
) -> DescribeOpportunity:
    lines = lines_of(body.lines)
    skus = sorted({line.sku for line in lines})
    priced = None
    if body.price_list is not None:
        priced = await priced_by(request, key, body.price_list, None, skus)
    products = priced.products if priced else await loading.products(handler_of(request), skus)
    return DescribeOpportunity(
        lead=of.stream,
        state=of.state,
        products=products,
        people=tuple(each.person() for each in body.people),
        organisation=None if body.organisation is None else str(body.organisation),
        lines=lines,
        price_list=priced.price_list if priced else None,
        amount=body.amount,
        currency=body.currency,
        expected_close=body.expected_close,
        next_step=body.next_step,
        at=moment(),
    )
