"""The quarantine: what was refused at the door, driven through it again or given up."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from services.contact.api import quarantine_documents as documents
from services.contact.api.context import mark_of, page_of, schema_of, site_of
from services.contact.api.quarantine_parameters import (
    Discard,
    DiscardAll,
    Drive,
    DriveAll,
    DryRun,
    Refused,
)
from services.contact.closing import Act
from services.contact.discarding import discard, discard_page
from services.contact.driving import Driver
from services.contact.queries import quarantine
from services.contact.queries.quarantine import Mark, Window
from services.contact.turns import Turns
from shared import telemetry
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.cursors import Cursors
from shared.documents import answers
from shared.errors import NotFound
from shared.http import conditional, json_response
from shared.idempotency import once
from shared.parameters import Parameters

router = APIRouter(tags=["quarantine"])
Operator = Annotated[Key, Depends(require("ops"))]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key and body again: the stored answer. 1 to 255 characters.",
    ),
]


def _act(key: Key) -> Act:
    trace = telemetry.trace.get() or telemetry.new_traceparent()
    return Act(key.principal, key.name, rfc3339(now()), trace)


def _driver(request: Request) -> Driver:
    found: Driver = request.app.state.driver
    return found


def _turns(request: Request) -> Turns:
    found: Turns = request.app.state.turns
    return found


@router.get(
    "/v1/quarantine",
    summary="What was refused at the door",
    responses=answers(documents.QUARANTINE, 304),
    response_class=Response,
)
async def all_refused(
    request: Request, parameters: Annotated[Refused, Query()], key: Operator
) -> Response:
    """A page of what was refused, newest first, each with the reasons; without bytes.

    An item is `open` until it is `driven` or `discarded`; `code` is that of the first reason, as
    it was refused last. Without `state` all are listed.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    chosen = parameters.chosen()
    name = f"quarantine {chosen}"
    mark = mark_of(site, name, parameters.cursor)
    window = Window(chosen, parameters.limit, Mark(*mark) if mark else None)
    rows = await quarantine.page(site.pool, schema, window)
    return conditional(request, page_of(site, name, rows, parameters.limit))


@router.get(
    "/v1/quarantine/{id}",
    summary="One that was refused, with its exact bytes",
    responses=answers(documents.QUARANTINED, 304, 404),
    response_class=Response,
)
async def one_refused(
    request: Request, id: UUID, parameters: Annotated[Parameters, Query()], key: Operator
) -> Response:
    """What came, byte for byte in base64; with the key that sent it, and why it was refused.

    `around` is what stood before and after an item of a batch, as far as it counts for every item.
    Once it is driven or discarded, `bytes` is null: they stand in the log at `position`.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    found = await quarantine.one(site.pool, schema, str(id))
    if found is None:
        raise NotFound("Nothing of this id was refused.")
    return conditional(request, found.encode())


@router.post(
    "/v1/quarantine/drive",
    summary="Drive all that were refused for a reason, a page at a time",
    responses=answers(documents.DRIVEN_PAGE, 400, 409, 413),
    response_class=Response,
)
async def drive_all(
    request: Request,
    body: DriveAll,
    parameters: Annotated[DryRun, Query()],
    key: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send the oldest open items that are chosen through the door again, as one is driven.

    At most `limit` of them, and 8 MiB; give `next_cursor` as `cursor` to go on, until it is null.
    What is driven is no longer open, so to begin anew does no harm; an item that is refused again
    stays open and is passed. `unchanged`: the patch cannot be applied to this one.
    """

    async def run() -> Response:
        site = site_of(request)
        schema = await schema_of(site, parameters.min_position)
        chosen = body.chosen()
        name = f"drive {chosen}"
        mark = mark_of(site, name, body.cursor)
        made = await _driver(request).drive_page(
            *(schema, chosen, _act(key), body.fix()),
            after=Mark(*mark) if mark else None,
            limit=body.limit,
            dry_run=parameters.dry_run,
        )
        cursor = Cursors(site.secret).write(name, [*made.after]) if made.after else None
        return json_response({"data": made.results, "next_cursor": cursor})

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/quarantine/discard",
    summary="Give up all that were refused for a reason, a page at a time",
    responses=answers(documents.DISCARDED_PAGE, 400, 413),
    response_class=Response,
)
async def discard_all(
    request: Request, body: DiscardAll, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """Give up the oldest open items that are chosen, at most `limit`; again until it is none."""

    async def run() -> Response:
        schema = await schema_of(site_of(request))
        ids = await discard_page(
            _turns(request), schema, body.chosen(), _act(key), body.reason, body.limit
        )
        return json_response({"discarded": len(ids), "ids": ids})

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/quarantine/{id}/drive",
    summary="Send one through the door again",
    responses=answers(documents.DRIVEN, 400, 404, 409, 413),
    response_class=Response,
)
async def drive_one(
    request: Request,
    id: UUID,
    body: Drive,
    parameters: Annotated[DryRun, Query()],
    key: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send it through the same door again, as it is or fixed, in the name of the key that sent it.

    `patch` (JSON Patch, RFC 6902) changes the item; what is no JSON is patched as null, so that it
    can only be replaced whole. `headers` changes `content-type`, `content-encoding` and `ce-...`.
    `receivedtime` stays that of the first time. With `dry_run` nothing is stored: the answer is
    `valid` or `refused`, with the bytes that would be sent.

    An item is let in whole or not at all. Let in: `driven`, with its events. An event without an id
    has one that follows from the item, so that it never counts twice; one that was driven before
    answers `driven` with `again`. Refused again: `refused`, 200 too; it stays open with the new
    reasons, and is not kept a second time. 409 for one that was discarded, or whose key is gone.
    """

    async def run() -> Response:
        schema = await schema_of(site_of(request), parameters.min_position)
        made = await _driver(request).drive(
            schema, str(id), _act(key), body.fix(), dry_run=parameters.dry_run
        )
        return json_response(made)

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/quarantine/{id}/discard",
    summary="Give one up",
    responses=answers(documents.DISCARDED, 400, 404, 409, 413),
    response_class=Response,
)
async def discard_one(
    request: Request,
    id: UUID,
    body: Discard,
    key: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Give it up, with a reason. Its bytes leave the quarantine; in the log they stay."""

    async def run() -> Response:
        schema = await schema_of(site_of(request))
        return json_response(
            await discard(_turns(request), schema, str(id), _act(key), body.reason)
        )

    return await once(site_of(request).pool, key, request, run)
