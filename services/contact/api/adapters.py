"""What adapters read as the documentation has it: the door answers it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from services.contact import description
from shared.auth import PUBLIC, Key, require
from shared.errors import NotFound

router = APIRouter(tags=["touch points"])
Ingesting = Annotated[Key, Depends(require("ingest", PUBLIC))]

_VALIDATE = {"parameters": [description.REQUEST["parameters"][0]]}
_PROBLEMS = (400, 401, 403, 408, 413, 422, 429, 503)


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: description.ANSWERS[status] for status in (*statuses, *_PROBLEMS)}


def _envelope(name: str, words: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}


_MAIL = (
    "Message-ID: <7d0e@example.com>\r\nFrom: Jane Doe <jane@example.com>\r\n"
    "To: help@shop.example\r\nSubject: The kettle\r\nDate: Sat, 31 Jan 2026 12:00:00 +0000\r\n"
    "In-Reply-To: <o-1001@shop.example>\r\n\r\nIt does not boil.\r\n"
)

_TEXT = {"type": ["string", "null"]}
_RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {**_TEXT, "description": "Also `sid`, `uniqueid`. Left out: a hash of the record."},
        "direction": {
            **_TEXT,
            "description": "outbound: begins with `out`; anything else is inbound. Left out: the "
            "customer is whoever has a number of seven digits or more, the caller first.",
        },
        "from": {**_TEXT, "description": "Also `src`, `caller`."},
        "to": {**_TEXT, "description": "Also `dst`, `callee`."},
        "status": {
            **_TEXT,
            "description": "Also `disposition`, `CallStatus`. answered, completed, in-progress, or "
            "left out: somebody talked. Any other makes an inbound call a missed one.",
        },
        "started": {
            **_TEXT,
            "description": "RFC 3339 or RFC 5322, in UTC where it does not say. Also `start`, "
            "`start_time`.",
        },
        "duration": {
            "type": ["number", "string", "null"],
            "description": "Seconds. Also `billsec`, which goes before it.",
        },
        "employee": _TEXT,
        "purpose": {"enum": ["sales", "service", "information", None]},
    },
}
_CALL = {
    "id": "c-77",
    "direction": "inbound",
    "from": "+49 30 123456",
    "to": "+49 30 999",
    "status": "answered",
    "started": "2026-01-31T12:05:00+01:00",
    "duration": 184,
}
_CSV = (
    "id,direction,from,to,status,started,duration\r\n"
    "c-77,inbound,+49 30 123456,+49 30 999,answered,2026-01-31T12:05:00+01:00,184\r\n"
)

_TRANSCRIPT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "messages"],
    "properties": {
        "id": {"type": ["string", "integer"], "description": "The conversation."},
        "channel": {"enum": ["chat", "social", "mobile", "web", None]},
        "identifiers": {"type": ["array", "null"], "description": "Of the customer."},
        "messages": {
            "type": "array",
            "maxItems": 1000,
            "items": {
                "type": "object",
                "required": ["from"],
                "properties": {
                    "id": {
                        **_TEXT,
                        "description": "Within the conversation. Left out: a hash of the message.",
                    },
                    "from": {
                        "type": "string",
                        "description": "customer, user, visitor or contact: message.received. "
                        "Anybody else: message.sent.",
                    },
                    "text": _TEXT,
                    "time": {**_TEXT, "description": "In UTC where it does not say."},
                    "employee": _TEXT,
                },
            },
        },
    },
}
_CHAT = {
    "id": "t-9",
    "identifiers": [{"kind": "email", "value": "jane@example.com"}],
    "messages": [
        {"id": "1", "from": "customer", "text": "It leaks.", "time": "2026-01-31T12:00:00Z"},
        {"id": "2", "from": "agent", "employee": "7", "text": "We are sorry."},
    ],
}


@router.post(
    "/v1/mail",
    summary="Post an e-mail that was received",
    status_code=202,
    responses=_answers(200, 202),
    openapi_extra={
        "parameters": [
            *_VALIDATE["parameters"],
            _envelope(
                "Envelope-From", "The sender on the envelope; empty: it must not be answered."
            ),
            _envelope("Envelope-To", "The recipients on the envelope, with commas."),
        ],
        "requestBody": {
            "required": True,
            "content": {"message/rfc822": {"schema": {"type": "string"}, "example": _MAIL}},
        },
    },
    response_class=Response,
)
async def post_mail(key: Ingesting) -> Response:
    """One message, raw, as RFC 5322 and MIME have it: the event `email.received`.

    The sender is the identifier; recipients are fields. The id is the Message-ID, else a hash of
    what does not change on the way, so that a message sent again counts once. The time is its Date,
    never later than when it came. Kept: subject, threading headers, plain text (that of the HTML
    where there is no other; the first 65,536 characters), name, media type and size of each
    attachment. `automatic` says whether a program wrote it, `automatic_by` how that is seen: RFC
    3834, list headers, an empty return path and the like. Parts are read ten deep, 200 in all;
    `cut` says that there was more. A message without a `From` is refused and kept. At most 5 MiB.
    """
    raise NotFound


@router.post(
    "/v1/calls",
    summary="Post call records",
    responses=_answers(200, 202),
    openapi_extra={
        **_VALIDATE,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [_RECORD, {"type": "array", "maxItems": 1000, "items": _RECORD}]
                    },
                    "example": _CALL,
                },
                "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            },
        },
    },
    response_class=Response,
)
async def post_calls(key: Ingesting) -> Response:
    """A call record, an array of them, or rows of CSV: `call.received`, `.placed` or `.missed`.

    Fields go by our names or by those of Twilio and Asterisk. CSV begins with the names of its
    columns; without them it is read as Asterisk's `Master.csv`. The customer's number is the
    identifier, ours is `line`. The record stands whole in `data.body`. Answers as `POST /v1/events`
    does, for CSV as for an array.
    """
    raise NotFound


@router.post(
    "/v1/chats",
    summary="Post a chat transcript",
    responses=_answers(200),
    openapi_extra={
        **_VALIDATE,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _TRANSCRIPT, "example": _CHAT}},
        },
    },
    response_class=Response,
)
async def post_chats(key: Ingesting) -> Response:
    """A conversation with up to 1,000 messages: `message.received` and `message.sent`.

    Each message is an event with the identifiers of the conversation; its id is
    `<conversation>/<message>`. It stands whole in `data.body`. Answers a result per message.
    """
    raise NotFound
