"""What people do with a lead; each for the version that they saw."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel

from services.leads import commands
from services.leads.api import bodies, examples, shown
from services.leads.api.capturing import IdempotencyKey, Writer
from services.leads.api.context import (
    answer,
    handler_of,
    lead,
    moment,
    origin_of,
    pipeline,
    sight_of,
    site_of,
    to_change,
)
from services.leads.api.making import WAYS, Kind, Visit
from services.leads.decider import LEAD
from services.leads.states import Merged
from shared.auth import Key, require
from shared.deciding.command_handler import Handled, Wanted, stale
from shared.deciding.store import Kept
from shared.documents import answers
from shared.errors import Conflict
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the lead as you saw it; required."),
]
_ANSWERS: Any = answers(examples.LEAD, 400, 404, 409, 412, 413, 428)


@router.get(
    "/v1/leads/{id}",
    summary="One lead",
    responses=answers(examples.LEAD, 304, 404),
    response_class=Response,
)
async def one_lead(request: Request, id: UUID, key: Reader) -> Response:
    """A lead as it stands at this moment. Its ETag, the version, is what commands ask for."""
    kept = await lead(request, key, id)
    tag = {"ETag": version_tag(kept.version)}
    known = request.headers.get("if-none-match", "")
    if tag["ETag"] in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=tag)
    return json_response(shown.lead(kept.stream, kept.version, kept.state), headers=tag)


@router.patch(
    "/v1/leads/{id}",
    summary="Describe a lead",
    responses=_ANSWERS,
    response_class=Response,
)
async def describe(
    request: Request,
    id: UUID,
    body: bodies.Describe,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Change what is known of an open lead: only what is sent, null takes a value away.

    `amount` in minor units of `currency`. What differs in nothing is no event.
    """
    return await _carry_out(request, id, key, "describe", body)


@router.post(
    "/v1/leads/{id}/move",
    summary="Move a lead to another stage",
    responses=_ANSWERS,
    response_class=Response,
)
async def move(
    request: Request,
    id: UUID,
    body: bodies.Move,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Along a move that the pipeline allows: 409 `move_not_allowed`, or `required` naming the
    fields that the stage asks for."""
    return await _carry_out(request, id, key, "move", body)


@router.post(
    "/v1/leads/{id}/assign",
    summary="Give a lead to somebody",
    responses=_ANSWERS,
    response_class=Response,
)
async def assign(
    request: Request,
    id: UUID,
    body: bodies.Assign,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """`owner` is a principal, such as `representative:7` or `partner:12`; the reason is kept.

    A partner gets leads in a pipeline of the kind `partner`: 409 `not_for_partners` for one in any
    other, of which a new lead is captured there.
    """
    return await _carry_out(request, id, key, "assign", body)


@router.post(
    "/v1/leads/{id}/win",
    summary="Win a lead",
    responses=_ANSWERS,
    response_class=Response,
)
async def win(
    request: Request,
    id: UUID,
    body: bodies.Win,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For an amount in minor units, the lead's own where none is sent."""
    return await _carry_out(request, id, key, "win", body)


@router.post(
    "/v1/leads/{id}/lose",
    summary="Lose a lead",
    responses=_ANSWERS,
    response_class=Response,
)
async def lose(
    request: Request,
    id: UUID,
    body: bodies.Lose,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For one of the reasons of its pipeline, perhaps to a competitor."""
    return await _carry_out(request, id, key, "lose", body)


@router.post(
    "/v1/leads/{id}/reopen",
    summary="Open a lead again",
    responses=_ANSWERS,
    response_class=Response,
)
async def reopen(
    request: Request,
    id: UUID,
    body: bodies.Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """One that was won or lost; 409 `claim_taken` where the customer has another open one."""
    return await _carry_out(request, id, key, "reopen", body)


@router.post(
    "/v1/leads/{id}/notes",
    summary="Note something about a lead",
    responses=_ANSWERS,
    response_class=Response,
)
async def note(
    request: Request,
    id: UUID,
    body: bodies.Note,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Kept in its history."""
    return await _carry_out(request, id, key, "note", body)


@router.post(
    "/v1/leads/{id}/visits",
    summary="Report a visit",
    responses=_ANSWERS,
    response_class=Response,
)
async def visit(
    request: Request,
    id: UUID,
    body: Visit,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """What was seen and said, what came of it, and what is next; kept in the lead's history."""
    return await _carry_out(request, id, key, "visit", body)


@router.post(
    "/v1/leads/{id}/merge",
    summary="Merge a lead into another one",
    responses=_ANSWERS,
    response_class=Response,
)
async def merge(
    request: Request,
    id: UUID,
    body: bodies.Merge,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Two open leads of one pipeline; the other one goes on. `unmerge` takes it back."""

    async def run(kept: Kept) -> Handled:
        into = str((await lead(request, key, body.into)).stream)
        at, mine = moment(), kept.stream
        return await _together(
            *(request, key, kept, into),
            lambda states: commands.MergeLead(
                lead=mine, into=into, target=states[into], reason=body.reason, at=at
            ),
            lambda _: commands.AbsorbLead(lead=mine, at=at),
        )

    return await _for_version(request, id, key, run)


@router.post(
    "/v1/leads/{id}/unmerge",
    summary="Take a lead out of the one it went into",
    responses=_ANSWERS,
    response_class=Response,
)
async def unmerge(
    request: Request,
    id: UUID,
    body: bodies.Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """It is open again, as it was; 409 `not_merged` where it went into none."""

    async def run(kept: Kept) -> Handled:
        if not isinstance(kept.state, Merged):
            raise Conflict("This lead did not go into another one.", code="not_merged")
        at, mine, into = moment(), kept.stream, kept.state.into
        return await _together(
            *(request, key, kept, into),
            lambda _: commands.UnmergeLead(reason=body.reason, at=at),
            lambda _: commands.ReleaseLead(lead=mine, at=at),
        )

    return await _for_version(request, id, key, run)


async def _carry_out(request: Request, id: UUID, key: Key, kind: Kind, body: BaseModel) -> Response:
    """One command to one lead, for the version in If-Match."""

    async def run(kept: Kept) -> Handled:
        found = await pipeline(request, kept.state.lead.pipeline)
        command = WAYS[kind].make(body, found, moment())
        return await handler_of(request).carry_out(
            *(LEAD, kept.stream, command, origin_of(key)),
            partitionkey=str(kept.partitionkey),
            expected=kept.version,
        )

    return await _for_version(request, id, key, run)


async def _together(
    request: Request, key: Key, kept: Kept, other: str, *made: Callable[[Any], Any]
) -> Handled:
    """A command to a lead and one to another, both or neither."""
    mine, theirs = made
    subject = str(kept.partitionkey)
    wanted = [
        Wanted(LEAD, kept.stream, mine, subject, kept.version),
        Wanted(LEAD, other, theirs, subject),
    ]
    return (await handler_of(request).carry_out_all(wanted, origin_of(key)))[0]


async def _for_version(
    request: Request, id: UUID, key: Key, work: Callable[[Kept], Any]
) -> Response:
    """Work for the version that was seen, once for an Idempotency-Key; the lead as it is then."""

    async def run() -> Response:
        expected = expected_version(request)
        kept = to_change(await lead(request, key, id), await sight_of(request, key))
        if kept.version != expected:
            raise stale("lead", kept.version)
        handled: Handled = await work(kept)
        document = shown.lead(handled.stream, handled.version, handled.state)
        return answer(request, handled, str(kept.partitionkey), document)

    return await once(site_of(request).pool, key, request, run)
