"""What there is to do for one lead: started, done, skipped, put off; tactics that were used."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from services.leads.api.bodies import Because
from services.leads.api.capturing import IdempotencyKey
from services.leads.follow_ups import commands
from services.leads.follow_ups.api import bodies, documents
from services.leads.follow_ups.api.context import begin, change, follow_ups_of, shown
from shared.auth import Key, require
from shared.clock import rfc3339
from shared.documents import answers
from shared.http import json_response, version_tag

router = APIRouter(tags=["follow-ups"])
Reader = Annotated[Key, Depends(require("read"))]
Writer = Annotated[Key, Depends(require("write"))]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match", description="The ETag of the lead's follow-ups as you saw them; required."
    ),
]
Step = Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number among those of the lead.")]
BEGUN: Any = answers(documents.COMMANDED, 400, 404, 409, 413, success=201)
CHANGED: Any = answers(documents.COMMANDED, 400, 404, 409, 412, 413, 428)


@router.get(
    "/v1/leads/{id}/follow-ups",
    summary="What there is to do for a lead",
    responses=answers(documents.FOLLOW_UPS, 304, 404),
    response_class=Response,
)
async def follow_ups(request: Request, id: UUID, key: Reader) -> Response:
    """Its steps that are to be done, as they stand at this moment, those due first.

    `settled` are the latest 100 that are over, the last first; all are in `GET /v1/follow-ups`. The
    ETag is the version that commands to them ask for: it is another one than the lead's, so that
    reminders do not disturb who works on the lead. An interaction from `since` on completes a step
    by its type: what we do ourselves unless it names another purpose than sales, a campaign, or a
    program wrote it; what the customer does where its purpose is sales.
    """
    found, kept = await follow_ups_of(request, key, id)
    tag = {"ETag": version_tag(kept.version)}
    known = request.headers.get("if-none-match", "")
    if tag["ETag"] in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=tag)
    return json_response(shown(found.stream, kept.version, kept.state), headers=tag)


@router.post(
    "/v1/leads/{id}/follow-ups",
    summary="Start a sequence for a lead",
    responses=BEGUN,
    response_class=Response,
    status_code=201,
)
async def start(
    request: Request,
    id: UUID,
    body: bodies.Begin,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Its steps count from now on. 409 `sequence_goes_on` where steps of it are still to be done,
    `too_many` beyond 100 of a lead."""
    return await begin(
        *(request, id, key),
        lambda lead, playbook, at: commands.StartSequence(
            lead=lead.stream, known=lead.state, playbook=playbook, sequence=body.sequence, at=at
        ),
    )


@router.post(
    "/v1/leads/{id}/follow-ups/{step}/done",
    summary="A step is done",
    responses=CHANGED,
    response_class=Response,
)
async def done(
    request: Request,
    id: UUID,
    step: Step,
    body: bodies.Done,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """By hand, also before it is due. 409 `step_settled` where it was skipped or cancelled."""
    return await change(
        *(request, id, key),
        lambda at: commands.FinishStep(step=step, by=key.principal, note=body.note, at=at),
    )


@router.post(
    "/v1/leads/{id}/follow-ups/{step}/skip",
    summary="A step is not going to be done",
    responses=CHANGED,
    response_class=Response,
)
async def skip(
    request: Request,
    id: UUID,
    step: Step,
    body: Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """With the reason."""
    return await change(
        *(request, id, key),
        lambda at: commands.SkipStep(step=step, reason=body.reason, at=at),
    )


@router.post(
    "/v1/leads/{id}/follow-ups/{step}/postpone",
    summary="Put a step off",
    responses=CHANGED,
    response_class=Response,
)
async def postpone(
    request: Request,
    id: UUID,
    step: Step,
    body: bodies.Postpone,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """To a moment to come, two years at most; it is overdue as long after it as before."""
    due = rfc3339(body.due)
    return await change(
        *(request, id, key),
        lambda at: commands.PostponeStep(step=step, due=due, reason=body.reason, at=at),
    )


@router.post(
    "/v1/leads/{id}/tactics",
    summary="A tactic was used on a lead",
    responses=BEGUN,
    response_class=Response,
    status_code=201,
)
async def use(
    request: Request,
    id: UUID,
    body: bodies.Use,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """In the stage that an open lead is in, perhaps on an objection; what came of it is shown by
    `GET /v1/tactics`."""
    return await begin(
        *(request, id, key),
        lambda lead, playbook, at: commands.UseTactic(
            lead=lead.stream,
            known=lead.state,
            playbook=playbook,
            tactic=body.tactic,
            objection=body.objection,
            note=body.note,
            at=at,
        ),
    )
