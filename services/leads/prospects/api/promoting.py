"""Prospects that become leads: one, or many."""

from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import (
    answer,
    handler_of,
    moment,
    origin_of,
    pipeline_asked,
    schema_of,
    site_of,
)
from services.leads.api.making import suits
from services.leads.commands import CaptureLead
from services.leads.decider import LEAD
from services.leads.decider.lead import scope
from services.leads.prospects.api import bodies, examples
from services.leads.prospects.api.context import (
    TRIES,
    IfMatch,
    Writer,
    each_of,
    place,
    prospect,
    shown,
    target_list,
)
from services.leads.prospects.bounds import MOST_ITEMS
from services.leads.prospects.commands import PromoteProspect
from services.leads.prospects.decider import PROSPECT
from services.leads.prospects.decider.knowing import waiting
from services.leads.prospects.policies import capture
from services.leads.prospects.queries import prospects
from services.leads.prospects.states import Promoted
from services.leads.states import Pipeline
from shared.auth import Key
from shared.deciding.command_handler import ClaimTaken, Handled, Wanted, stale
from shared.deciding.store import Kept
from shared.documents import answers
from shared.errors import Conflict, FieldError, Unprocessable
from shared.http import expected_version, json_response
from shared.idempotency import once
from shared.ids import event_id

router = APIRouter(tags=["prospects"])
_CLOSED = {"lead_won", "lead_lost", "lead_merged"}


class _Into(NamedTuple):
    """Where prospects are promoted into."""

    name: str
    pipeline: Pipeline
    title: str | None
    owner: str | None


@router.post(
    "/v1/prospects/{id}/promote",
    summary="Make a lead of a prospect",
    responses=answers(examples.PROMOTED, 400, 404, 409, 412, 413, 428),
    response_class=Response,
)
async def promote(
    request: Request,
    id: UUID,
    body: bodies.Promote,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The customer's open lead in that pipeline, or a new one: see `lead` in the answer.

    409 `barred`, `promoted` (with the lead), `dropped`, `pipeline_retired`, `not_for_partners`; 404
    `unknown_pipeline`. Both happen or neither does.
    """

    async def run() -> Response:
        expected = expected_version(request)
        kept = await prospect(request, id)
        if kept.version != expected:
            raise stale("prospect", kept.version)
        into = await _into(request, body)
        handled = await _promote(request, key, kept, into)
        document = shown(handled.stream, handled.version, handled.state)
        return answer(request, handled, handled.state.person.subject, document)

    return await once(site_of(request).pool, key, request, run)


async def _into(request: Request, body: bodies.Promote) -> _Into:
    found = await pipeline_asked(request, body.pipeline)
    suits(body.owner, found)
    return _Into(body.pipeline, found, body.title, body.owner)


async def _promote(request: Request, key: Key, kept: Kept, into: _Into) -> Handled:
    """The prospect and its lead, both or neither; again where the lead has just changed."""
    handler, at = handler_of(request), moment()
    person = waiting(kept.state)
    command = capture(person, into.pipeline, at, title=into.title, owner=into.owner)
    subjects = [person.subject, *(str(each.subject) for each in person.identifiers if each.subject)]
    fresh = event_id("promote", f"{kept.stream}/{kept.version}")
    for _ in range(TRIES):
        lead = await handler.holder(scope(into.name), subjects) or fresh
        wanted = _both(kept, PromoteProspect(lead=lead, pipeline=into.name, at=at), command)
        try:
            return (await handler.carry_out_all(wanted, origin_of(key)))[0]
        except ClaimTaken:
            continue  # somebody was faster: their lead is found now
        except Conflict as conflict:
            if lead == fresh or conflict.code not in _CLOSED:
                raise
    raise Conflict("The customer's leads change all the time; try again.", code="contended")


def _both(kept: Kept, promoting: PromoteProspect, capturing: CaptureLead) -> list[Wanted]:
    subject = capturing.subject
    return [
        Wanted(PROSPECT, kept.stream, lambda _: promoting, subject, kept.version),
        Wanted(LEAD, promoting.lead, lambda _: capturing, subject),
    ]


@router.post(
    "/v1/prospects/promote",
    summary="Make leads of many prospects",
    responses=answers(examples.MANY_PROMOTED, 400, 404, 409, 413),
    response_class=Response,
)
async def promote_many(
    request: Request, body: bodies.PromoteMany, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """Those of up to 1,000 `ids`, or the next 1,000 who wait on a `list`, each as if alone.

    A result for each, in order: 201 with the `lead` it is now, 200 where it was promoted before,
    404, 409 with the code (`barred`, `dropped` ...). Of a list, `next` is where to go on: send it
    as `after`; null at the end.
    """

    async def run() -> Response:
        into = await _into(request, body)
        ids, more = await _chosen(request, body)

        async def one(number: int, id: str) -> dict[str, Any]:
            return {"id": id} | await _result(request, key, id, into)

        found = await each_of(ids, one, "ids")
        data = [{"id": id} | each for id, each in zip(ids, found, strict=True)]
        return json_response({"data": data, "next": ids[-1] if more else None})

    return await once(site_of(request).pool, key, request, run)


async def _chosen(request: Request, body: bodies.PromoteMany) -> tuple[list[str], bool]:
    """Which, and whether there are more."""
    if (body.ids is None) == (body.list is None):
        wrong = FieldError("/ids", "ids_or_list", "Name `ids` or a `list`, one of the two.")
        raise Unprocessable(wrong.detail, code=wrong.code, errors=(wrong,))
    if body.list is None:
        return [*dict.fromkeys(str(id) for id in body.ids or ())], False
    await target_list(request, body.list)
    site = site_of(request)
    schema = await schema_of(site)
    after = str(body.after) if body.after else None
    async with site.pool.acquire() as connection:
        found = await prospects.waiting_on(connection, schema, body.list, after, MOST_ITEMS)
    return [*found[:MOST_ITEMS]], len(found) > MOST_ITEMS


async def _result(request: Request, key: Key, id: str, into: _Into) -> dict[str, Any]:
    kept = await prospect(request, id)
    if isinstance(kept.state, Promoted):
        return {"status": 200, "lead": kept.state.lead}
    handled = await _promote(request, key, kept, into)
    person = handled.state.person
    return {"status": 201, "lead": person.lead, **place(request, handled, person.subject)}
