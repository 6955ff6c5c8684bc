"""What becomes of quotes: sent, accepted, declined, withdrawn, their order tried again."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from services.leads.api.bodies import Because
from services.leads.api.capturing import IdempotencyKey, Writer
from services.leads.api.context import handler_of, moment, origin_of, site_of
from services.leads.catalogue import loading
from services.leads.commands import WinLead
from services.leads.decider import LEAD
from services.leads.quotes.api import examples
from services.leads.quotes.api.bodies import AcceptBody, SendBody
from services.leads.quotes.api.context import Found, for_version
from services.leads.quotes.commands import (
    AcceptQuote,
    DeclineQuote,
    QuoteCommand,
    RetryOrder,
    SendQuote,
    WithdrawQuote,
)
from services.leads.quotes.decider import QUOTE
from shared.auth import Key
from shared.deciding.command_handler import Handled, Wanted
from shared.documents import answers
from shared.naming import identifier

router = APIRouter(tags=["quotes"])
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the quote as you saw it; required."),
]
_ANSWERS = answers(examples.CHANGED, 400, 404, 409, 412, 413, 428)


@router.post(
    "/v1/quotes/{id}/send",
    summary="Send a quote",
    responses=_ANSWERS,
    response_class=Response,
)
async def send(
    request: Request,
    id: UUID,
    body: SendBody,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say that the latest version went to the customer; it may be accepted from now on.

    The SHA-256 of its document is kept as `digest`, so that what was sent can be proven. Nothing is
    mailed from here. 422 with a pointer to every line that breaks a rule of its product, or where
    the last day is over.
    """

    async def run(found: Found) -> Handled:
        skus = {line.sku for line in found.state.quote.latest.lines}
        products = await loading.products(handler_of(request), sorted(skus))
        command = SendQuote(
            state=found.lead.state,
            products=products,
            version=body.version,
            channel=body.channel,
            recipient=body.recipient,
            at=moment(),
        )
        return await _carried_out(request, key, found, command)

    return await for_version(request, id, key, run)


@router.post(
    "/v1/quotes/{id}/accept",
    summary="Say that the customer accepted a quote",
    responses=_ANSWERS,
    response_class=Response,
)
async def accept(
    request: Request,
    id: UUID,
    body: AcceptBody,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The version that was sent, until the end of its last day (UTC): then 409 `expired`.

    Its order is placed once, as `order.placed` of the lead's customer with the quote's number in
    the namespace `quotes`; `order` says how that goes. With `win` the lead is won for the quote's
    amount too, both or neither.
    """

    async def run(found: Found) -> Handled:
        secret = site_of(request).secret
        command = AcceptQuote(
            state=found.lead.state,
            version=body.version,
            note=body.note,
            identifiers=tuple(
                identifier(secret, key, each.kind, each.namespace, each.value, f"/identifiers/{n}/")
                for n, each in enumerate(body.identifiers)
            ),
            at=moment(),
        )
        if not body.win:
            return await _carried_out(request, key, found, command)
        return await _won(request, key, found, command)

    return await for_version(request, id, key, run)


async def _won(request: Request, key: Key, found: Found, command: AcceptQuote) -> Handled:
    """Quote and lead, in one transaction."""
    subject = str(found.lead.partitionkey)
    offer = found.state.quote.offer(command.version)
    priced = (offer or found.state.quote.latest).priced  # where there is none it is refused
    win = WinLead(amount=priced.total, currency=priced.currency, at=command.at)
    wanted = [
        Wanted(QUOTE, found.kept.stream, lambda _: command, subject, found.kept.version),
        Wanted(LEAD, found.lead.stream, lambda _: win, subject),
    ]
    return (await handler_of(request).carry_out_all(wanted, origin_of(key)))[0]


@router.post(
    "/v1/quotes/{id}/decline",
    summary="Say that the customer declined a quote",
    responses=_ANSWERS,
    response_class=Response,
)
async def decline(
    request: Request,
    id: UUID,
    body: Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """What was sent; a newer version that is in work goes on."""
    return await _told(request, id, key, lambda at: DeclineQuote(reason=body.reason, at=at))


@router.post(
    "/v1/quotes/{id}/withdraw",
    summary="Withdraw a quote",
    responses=_ANSWERS,
    response_class=Response,
)
async def withdraw(
    request: Request,
    id: UUID,
    body: Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """We do not offer it any more, in no version.

    So are, of their own accord, the open quotes of a lead that is lost or goes into another one,
    with that as `reason`; a lead that is opened again does not bring them back.
    """
    return await _told(request, id, key, lambda at: WithdrawQuote(reason=body.reason, at=at))


@router.post(
    "/v1/quotes/{id}/order",
    summary="Place the order of a quote once more",
    responses=_ANSWERS,
    response_class=Response,
)
async def order(
    request: Request,
    id: UUID,
    body: Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Where it was refused: see `order.problem`. It is the same order, however often it is sent."""
    return await _told(request, id, key, lambda at: RetryOrder(reason=body.reason, at=at))


async def _told(
    request: Request, id: UUID, key: Key, making: Callable[[str], QuoteCommand]
) -> Response:
    async def run(found: Found) -> Handled:
        return await _carried_out(request, key, found, making(moment()))

    return await for_version(request, id, key, run)


async def _carried_out(request: Request, key: Key, found: Found, command: QuoteCommand) -> Handled:
    return await handler_of(request).carry_out(
        *(QUOTE, found.kept.stream, command, origin_of(key)),
        partitionkey=str(found.lead.partitionkey),
        expected=found.kept.version,
    )
