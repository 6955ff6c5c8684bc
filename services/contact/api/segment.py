"""Segment's operations as the documentation has them: the door answers them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.contact.segment import description
from shared.auth import PUBLIC, Key, require
from shared.errors import NotFound

router = APIRouter(tags=["segment"])
Ingesting = Annotated[Key, Depends(require("ingest", PUBLIC))]


async def post_call(key: Ingesting) -> Response:
    """A call of Segment's HTTP tracking API, whose SDKs work here with this host and a key of ours.

    The key is the write key. `messageId` is the event's id; the time is `receivedAt - (sentAt -
    timestamp)`. The call is kept whole under `data.body`. A call that cannot be taken - about
    nobody, of a field that is wrong - answers 200 as Segment does, and stands in the quarantine.
    400: no JSON, or over 32 KiB. gzip is taken. With 503 the client sends again, and nothing counts
    twice.
    """
    raise NotFound


async def post_batch(key: Ingesting) -> Response:
    """Up to 2,500 calls, 500 KiB and 32 KiB each, in one request; see the calls.

    `context` and `integrations` of the batch are merged into each call, whose own go first. One
    call that is wrong or too long is kept aside and the others are let in; with one that is too
    long the answer is 400.
    """
    raise NotFound


for _kind, _summary in description.SUMMARIES.items():
    router.add_api_route(
        f"/v1/{_kind}",
        post_call,
        methods=["POST"],
        summary=_summary,
        responses=description.ANSWERS,
        openapi_extra=description.request(_kind),
        response_class=Response,
        operation_id=f"segment_{_kind}",
    )

router.add_api_route(
    "/v1/batch",
    post_batch,
    methods=["POST"],
    summary="Many calls at once (Segment)",
    responses=description.ANSWERS,
    openapi_extra=description.BATCH,
    response_class=Response,
    operation_id="segment_batch",
)
