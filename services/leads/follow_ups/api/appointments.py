"""Appointments with the customer of a lead."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.leads.api.bodies import Because
from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import fresh_id
from services.leads.follow_ups import commands
from services.leads.follow_ups.api import bodies
from services.leads.follow_ups.api.context import begin, change
from services.leads.follow_ups.api.steps import BEGUN, CHANGED, IfMatch
from shared.auth import Key, require
from shared.clock import rfc3339

router = APIRouter(tags=["follow-ups"])
Writer = Annotated[Key, Depends(require("write"))]
_PATH = "/v1/leads/{id}/appointments/{appointment}"


@router.post(
    "/v1/leads/{id}/appointments",
    summary="Make an appointment",
    responses=BEGUN,
    response_class=Response,
    status_code=201,
)
async def make(
    request: Request,
    id: UUID,
    body: bodies.Appointment,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """With the customer of an open lead, for whoever owns it; up to 14 days long. One that is over
    may be written down too."""
    fresh = fresh_id("appointment", key, str(id), idempotency_key)
    since, until = rfc3339(body.since), rfc3339(body.until)
    return await begin(
        *(request, id, key),
        lambda lead, _, at: commands.MakeAppointment(
            appointment=fresh,
            lead=lead.stream,
            known=lead.state,
            title=body.title,
            since=since,
            until=until,
            place=body.place,
            at=at,
        ),
    )


@router.post(
    f"{_PATH}/move", summary="Move an appointment", responses=CHANGED, response_class=Response
)
async def move(
    request: Request,
    id: UUID,
    appointment: UUID,
    body: bodies.MoveBody,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """To another time or place; what is not sent stays, and without `to` its length does."""
    since, until = (None if each is None else rfc3339(each) for each in (body.since, body.until))
    return await change(
        *(request, id, key),
        lambda at: commands.MoveAppointment(
            appointment=str(appointment),
            since=since,
            until=until,
            title=body.title,
            place=body.place,
            reason=body.reason,
            at=at,
        ),
    )


@router.post(
    f"{_PATH}/cancel", summary="Cancel an appointment", responses=CHANGED, response_class=Response
)
async def cancel(
    request: Request,
    id: UUID,
    appointment: UUID,
    body: Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """With the reason; 404 for one that was kept or cancelled."""
    return await change(
        *(request, id, key),
        lambda at: commands.CancelAppointment(
            appointment=str(appointment), reason=body.reason, at=at
        ),
    )


@router.post(
    f"{_PATH}/keep", summary="An appointment was kept", responses=CHANGED, response_class=Response
)
async def keep(
    request: Request,
    id: UUID,
    appointment: UUID,
    body: bodies.Done,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """They met; 409 `not_begun` before it begins."""
    return await change(
        *(request, id, key),
        lambda at: commands.KeepAppointment(appointment=str(appointment), note=body.note, at=at),
    )
