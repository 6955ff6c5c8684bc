"""The door's operations as the documentation has them: it stands before the framework."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from services.contact import description
from shared.auth import PUBLIC, Key, require
from shared.errors import FieldError, MethodNotAllowed, NotFound, Unprocessable
from shared.http import json_response

router = APIRouter(tags=["events"])
_ORIGIN = re.compile(r"[A-Za-z0-9*][A-Za-z0-9.*:_-]{0,252}")


@router.post(
    "/v1/events",
    summary="Post one event or an array of them",
    status_code=202,
    responses=description.ANSWERS,
    openapi_extra=description.REQUEST,
    response_class=Response,
)
async def post_events(key: Annotated[Key, Depends(require("ingest", PUBLIC))]) -> Response:
    """One event, or an array of up to 1,000; a 2xx means that it is durable in the log.

    One event answers 202 with its id and position, or a problem. An array answers 200 with a result
    per item, in order: `accepted` with id and position, or `refused` with a code, a JSON pointer
    into the body and a sentence; good items are never lost for a bad neighbour. When the log does
    not settle in time: 503 with Retry-After, where an item whose outcome is not known is `unknown`;
    send those again with the ids shown, and nothing counts twice. (An event without an id of its
    own is given another one each time it is sent, so it may.)

    Everything but `type` may be left out: `id` is then made by us, `source` is the key's, `time` is
    now. What is refused is kept with its exact bytes, for operators. `validate=true` checks and
    stores nothing. Limits: 256 KiB an event, 5 MiB a body, 20 objects and arrays in each other. A
    body may be gzip, with the same limits unpacked. A key that sends more events than its rate is
    answered 429. With a key of the scope `ingest-public` see `POST /v1/beacon`.

    CloudEvents 1.0 are taken in all three modes of the HTTP binding: structured and batched by
    their content types, binary with any other type, where the headers `ce-id`, `ce-source`,
    `ce-specversion` and `ce-type` say what the body is. Data of a type that is known here are as
    below. The payload of any other type is kept as it came: a JSON object that names `channel`,
    `direction` or `identifiers` as we do stands in `data`, all else whole under `data.body` or
    `data.body_base64` with its `data.content_type`. The producer's `subject` stands in
    `data.producer_subject`.
    """
    raise NotFound


@router.options(
    "/v1/events",
    summary="Ask whether events may be delivered here (CloudEvents web hooks)",
    responses=description.HANDSHAKE,
    response_class=Response,
)
async def allow_delivery(
    origin: Annotated[
        str | None,
        Header(
            alias="WebHook-Request-Origin",
            description="Who wants to deliver: a DNS name. Without it there is nothing to ask.",
        ),
    ] = None,
) -> Response:
    """The handshake of CloudEvents' web hooks: the origin is allowed, at any rate.

    It needs no key and lets nobody in: each delivery needs a key of the scope `ingest`.
    """
    if origin is None:
        raise MethodNotAllowed(headers={"Allow": "POST"})
    if not _ORIGIN.fullmatch(origin):
        detail = "`WebHook-Request-Origin` is a DNS name."
        pointer = "/header/WebHook-Request-Origin"
        raise Unprocessable(detail, errors=(FieldError(pointer, "pattern", detail),))
    headers = {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return json_response({"allowed_origin": origin, "allowed_rate": "*"}, headers=headers)
