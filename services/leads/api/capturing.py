"""Leads that come over the API."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from services.leads.api import examples, shown
from services.leads.api.bodies import Capture
from services.leads.api.context import (
    answer,
    handler_of,
    moment,
    origin_of,
    pipeline_asked,
    site_of,
)
from services.leads.api.making import suits
from services.leads.commands import CaptureLead
from services.leads.decider import LEAD
from services.leads.decider.lead import scope
from shared.auth import Key, require
from shared.deciding.command_handler import ClaimTaken, Handled
from shared.documents import answers
from shared.errors import Conflict, Forbidden
from shared.idempotency import once
from shared.identifiers import RANK
from shared.ids import uuid7, uuid8
from shared.messages import Identifier
from shared.naming import identifier

TRIES = 5
"""Times that the customer's open lead is looked for anew where it was just opened or closed."""

_CLOSED = {"lead_won", "lead_lost", "lead_merged"}
router = APIRouter(tags=["leads"])
Writer = Annotated[Key, Depends(require("write"))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key and body again: the stored answer. 1 to 255 characters.",
    ),
]


@router.post(
    "/v1/leads",
    summary="Capture a lead",
    responses=answers(examples.CAPTURED, 400, 404, 409, 413, success=201)
    | {200: answers(examples.LEAD | {"inquiries": 2})[200]},
    response_class=Response,
    status_code=201,
)
async def capture(
    request: Request, body: Capture, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """Somebody asks for something, as told by a form, a partner or a colleague.

    A customer has one open lead in a pipeline: where there is one, under any identifier that is
    known to be the same person's, the inquiry joins it (200), else a lead begins (201). What a
    partner sends is from the partner: `source` is its principal, whatever was sent; of a lead of
    somebody else that it joined it is only told so. Amounts are
    in minor units of `currency`, both or neither. With an Idempotency-Key a lead begins once, also
    where the first answer was lost. 404 `unknown_pipeline`, 409 `pipeline_retired`.
    """

    async def run() -> Response:
        return await captured(request, body, key, idempotency_key)

    return await once(site_of(request).pool, key, request, run)


async def captured(
    request: Request, body: Capture, key: Key, idempotency_key: str | None = None
) -> Response:
    """What the operation answers, whichever way the request came."""
    secret = site_of(request).secret
    identifiers = tuple(
        identifier(secret, key, each.kind, each.namespace, each.value, f"/identifiers/{n}/")
        for n, each in enumerate(body.identifiers)
    )
    who = strongest(identifiers)
    found = await pipeline_asked(request, body.pipeline)
    suits(body.owner, found)
    command = CaptureLead(
        pipeline=found,
        subject=str(who.subject),
        identifiers=identifiers,
        at=moment(),
        **body.model_dump(exclude={"pipeline", "identifiers"}) | _given(body, key),
    )
    fresh = str(
        uuid8(sha256(f"lead\0{key.name}\0{idempotency_key}".encode()).digest())
        if idempotency_key
        else uuid7()
    )
    handled = await _again(request, fresh) if idempotency_key else None
    minted = idempotency_key is None  # such a stream cannot be there
    handled = handled or await _reach(request, body.pipeline, command, fresh, key, minted=minted)
    begun = handled.stream == fresh
    document = shown.lead(handled.stream, handled.version, handled.state)
    return answer(request, handled, str(who.subject), document, 201 if begun else 200)


def _given(body: Capture, key: Key) -> dict[str, str]:
    """What a lead that a partner gives is known by. Raises Forbidden for one of somebody else."""
    if not key.principal.startswith("partner:"):
        return {}
    if body.owner not in (None, key.principal):
        raise Forbidden("A partner keeps a lead, or leaves open who gets it.", code="owner")
    return {"source": key.principal, "channel": "partner"}


async def _again(request: Request, stream: str) -> Handled | None:
    """The lead that began with an Idempotency-Key whose answer was lost."""
    kept = await handler_of(request).load(LEAD, stream)
    return Handled(stream, kept.version, kept.state, (), None) if kept.version else None


async def _reach(
    request: Request, name: str, command: CaptureLead, fresh: str, key: Key, *, minted: bool
) -> Handled:
    """The open lead of the customer, else a new one; again where that has just changed."""
    handler = handler_of(request)
    subjects = [str(each.subject) for each in command.identifiers]
    for _ in range(TRIES):
        stream = await handler.holder(scope(name), subjects) or fresh
        try:
            return await handler.carry_out(
                *(LEAD, stream, command, origin_of(key)),
                partitionkey=command.subject,
                expected=0 if minted and stream == fresh else None,
            )
        except ClaimTaken:
            continue  # somebody was faster: theirs is found now
        except Conflict as conflict:
            if stream == fresh or conflict.code not in _CLOSED:
                raise
    raise Conflict("The customer's leads change all the time; try again.", code="contended")


def strongest(identifiers: Sequence[Identifier]) -> Identifier:
    """Of equal kinds the one with the smallest subject."""
    return min(identifiers, key=lambda each: (-RANK[each.kind], each.subject or ""))
