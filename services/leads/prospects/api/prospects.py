"""One prospect: kept, described, put off, barred, released, dropped."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.leads.api.capturing import IdempotencyKey, strongest
from services.leads.api.context import answer, handler_of, moment, origin_of, site_of
from services.leads.prospects import commands
from services.leads.prospects.api import bodies, examples
from services.leads.prospects.api.context import (
    IfMatch,
    Reader,
    Writer,
    is_new,
    keep,
    prospect,
    shown,
)
from services.leads.prospects.decider import PROSPECT
from shared.auth import Key
from shared.deciding.command_handler import Handled, stale
from shared.documents import answers
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once
from shared.naming import identifier

router = APIRouter(tags=["prospects"])
_ANSWERS: Any = answers(examples.PROSPECT, 400, 404, 409, 412, 413, 428)


@router.post(
    "/v1/prospects",
    summary="Keep a prospect",
    responses=answers(examples.PROSPECT, 400, 409, 413, success=201)
    | {200: answers(examples.PROSPECT)[200]},
    response_class=Response,
    status_code=201,
)
async def keep_one(
    request: Request, body: bodies.Keep, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """A person or organisation to be spoken to before there is a lead.

    A customer is one prospect: where there is one, under any identifier that is known to be the
    same person's, what was lacking is filled in (200); one that was dropped, or promoted, waits
    again (201). One that is barred stays barred.
    """

    async def run() -> Response:
        command, subjects = kept_as(request, key, body)
        handled = await keep(handler_of(request), command, subjects, origin_of(key))
        return _answer(request, handled, 201 if is_new(handled) else 200)

    return await once(site_of(request).pool, key, request, run)


def kept_as(
    request: Request, key: Key, body: bodies.Keep, list_: str | None = None
) -> tuple[commands.KeepProspect, list[str]]:
    """The command, and all subjects. Raises Unprocessable."""
    secret = site_of(request).secret
    identifiers = tuple(
        identifier(secret, key, each.kind, each.namespace, each.value, f"/identifiers/{n}/")
        for n, each in enumerate(body.identifiers)
    )
    command = commands.KeepProspect(
        subject=str(strongest(identifiers).subject),
        name=body.name,
        source=body.source,
        identifiers=identifiers,
        organisation=body.organisation,
        fields=body.fields,
        come_back=bodies.moment_of(body.come_back),
        list=list_,
        at=moment(),
    )
    return command, [str(each.subject) for each in identifiers]


@router.get(
    "/v1/prospects/{id}",
    summary="One prospect",
    responses=answers(examples.PROSPECT, 404),
    response_class=Response,
)
async def one_prospect(request: Request, id: UUID, key: Reader) -> Response:
    """As it stands at this moment; its ETag, the version, is what commands ask for."""
    kept = await prospect(request, id)
    document = shown(kept.stream, kept.version, kept.state)
    return json_response(document, headers={"ETag": version_tag(kept.version)})


@router.patch(
    "/v1/prospects/{id}",
    summary="Describe a prospect",
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
    """Only what is sent; null takes a value away. What differs in nothing is no event."""
    changed = body.changed()
    return await _carry_out(
        request, id, key, lambda at: commands.DescribeProspect(at=at, **changed)
    )


@router.post(
    "/v1/prospects/{id}/put-off",
    summary="Come back to a prospect later",
    responses=_ANSWERS,
    response_class=Response,
)
async def put_off(
    request: Request,
    id: UUID,
    body: bodies.PutOff,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """On a day or at a moment still to come (422 `past`), when it is due: a fact, and in the list
    by `filter[due][eq]`. 409 `barred`, `promoted`, `dropped`."""
    come_back = bodies.moment_of(body.come_back)
    return await _carry_out(
        *(request, id, key),
        lambda at: commands.PutOffProspect(come_back=come_back, reason=body.reason, at=at),
    )


@router.post(
    "/v1/prospects/{id}/bar",
    summary="Do not contact a prospect",
    responses=_ANSWERS,
    response_class=Response,
)
async def bar(
    request: Request,
    id: UUID,
    body: bodies.Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """It is not promoted and does not come due until it is released; it stays to be seen.

    A customer who withdraws consent to sales or marketing is barred of its own accord.
    """
    kept = await prospect(request, id)
    subject = kept.state.person.subject
    return await _carry_out(
        *(request, id, key),
        lambda at: commands.BarProspect(subject=subject, reason=body.reason, at=at),
    )


@router.post(
    "/v1/prospects/{id}/release",
    summary="Let a prospect be contacted again",
    responses=_ANSWERS,
    response_class=Response,
)
async def release(
    request: Request,
    id: UUID,
    body: bodies.Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """It waits again, and is due at once where its date is over. 409 `not_barred`."""
    return await _carry_out(
        request, id, key, lambda at: commands.ReleaseProspect(reason=body.reason, at=at)
    )


@router.post(
    "/v1/prospects/{id}/drop",
    summary="Drop a prospect",
    responses=_ANSWERS,
    response_class=Response,
)
async def drop(
    request: Request,
    id: UUID,
    body: bodies.Because,
    key: Writer,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Off every list. 409 `barred`: dropped, nobody would know that it must not be contacted."""
    return await _carry_out(
        request, id, key, lambda at: commands.DropProspect(reason=body.reason, at=at)
    )


async def _carry_out(
    request: Request, id: UUID, key: Key, making: Callable[[str], commands.ProspectCommand]
) -> Response:
    """One command, for the version in If-Match; the prospect as it is then."""

    async def run() -> Response:
        expected = expected_version(request)
        kept = await prospect(request, id)
        if kept.version != expected:
            raise stale("prospect", kept.version)
        handled = await handler_of(request).carry_out(
            *(PROSPECT, kept.stream, making(moment()), origin_of(key)),
            partitionkey=str(kept.partitionkey),
            expected=expected,
        )
        return _answer(request, handled)

    return await once(site_of(request).pool, key, request, run)


def _answer(request: Request, handled: Handled, status: int = 200) -> Response:
    document = shown(handled.stream, handled.version, handled.state)
    return answer(request, handled, handled.state.person.subject, document, status)
