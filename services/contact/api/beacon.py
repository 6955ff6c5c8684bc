"""The beacon as the documentation has it: the door answers it."""

from typing import Any

from fastapi import APIRouter, Response

from services.contact import description
from services.contact.beacon import PATH
from shared.errors import NotFound

router = APIRouter(tags=["events"])

_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["events"],
    "properties": {
        "key": {
            "type": "string",
            "description": "A key of the scope `ingest-public`, where no Authorization has it.",
        },
        "identity_token": {
            "type": ["string", "null"],
            "description": "A JWT that vouches for identifiers other than `device`.",
        },
        "sent_at": {
            "type": ["string", "null"],
            "description": "The page's clock when it sent; how far it is from ours is taken off "
            "the time of each event.",
        },
        "events": {"type": "array", "maxItems": 1000, "items": {"$ref": description.EVENT}},
    },
}
_EXAMPLE = {
    "key": "rk_" + "A" * 43,
    "sent_at": "2026-01-31T12:00:01Z",
    "events": [
        {
            "id": "v-1",
            "type": "page.viewed",
            "time": "2026-01-31T12:00:00Z",
            "data": {
                "identifiers": [{"kind": "device", "value": "6f1c2f9e"}],
                "url": "https://shop.example/kettles",
            },
        }
    ],
}
_CONTENT = {"schema": _BODY, "example": _EXAMPLE}


@router.post(
    PATH,
    summary="Post events from a page or an app",
    responses={
        status: description.ANSWERS[status]
        for status in (200, 400, 401, 403, 408, 413, 415, 422, 429, 503)
    },
    openapi_extra={
        "security": [{"key": []}, {}],  # the second: it stands in the body
        "requestBody": {
            "required": True,
            "content": {"text/plain": _CONTENT, "application/json": _CONTENT},
        },
    },
    response_class=Response,
)
async def post_beacon() -> Response:
    """Up to 1,000 events in an envelope, as `navigator.sendBeacon` can send it: text, no headers.

    Only keys of the scope `ingest-public` are taken, in the body or as `Authorization: Bearer`.
    Such a key sends only the types on its list, under its own source prefix. Of the identifiers in
    its events only `device` counts; all others are kept as claims, that make no pair, unless an
    identity token vouches for them: a JWT, HS256 or ES256 by the JWK stored with the key, with
    `aud` (the key's name), `iat`, `exp` (at most an hour later) and `identifiers` (at most 20, each
    with `kind`, `value` and perhaps `namespace`). Elsewhere it comes in the header
    `Identity-Token`. With a token that is not right nothing is let in: 422 `identity_token`, and
    what came is kept aside.

    Answers a result for each event, in order, as `POST /v1/events` does for an array. The content
    type does not matter. `time` is corrected by `sent_at`; an event that waited offline keeps its
    time.
    """
    raise NotFound
