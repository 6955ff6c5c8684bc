"""Requests of Segment's tracking API: a call or a batch, whose key it is, the answer. Pure."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from services.contact.answers import Outcome, Result, as_json
from services.contact.dialect import Dialect, Names
from services.contact.faults import Refusal, of_bytes, refuse
from services.contact.intake import Sending
from services.contact.reading import MAX_BODY, SHALLOW, Event, may_have_nul, read, read_value
from services.contact.segment import times
from services.contact.segment.calls import KINDS, Request, event_of
from services.contact.segment.values import Fields
from shared.auth import Key, looks_like_a_key
from shared.direct import Answer
from shared.errors import BadRequest

MAX_CALL = 32 * 1024
MAX_BATCH = 500 * 1024
MAX_CALLS = 2500

_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NULL = msgspec.Raw(b"null")


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]
    context: msgspec.Raw = _NULL
    integrations: msgspec.Raw = _NULL
    sentAt: Any = None


class _Calls(msgspec.Struct):
    batch: SHALLOW


class _Keyed(msgspec.Struct):
    writeKey: str | None = None


_batch = msgspec.json.Decoder(_Batch)
_calls = msgspec.json.Decoder(_Calls)
_keyed = msgspec.json.Decoder(_Keyed)


# Keys


def secret_of(names: Names) -> str | None:
    """The write key in the header `Authorization: Basic`; None where there is no such header."""
    scheme, _, encoded = names.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def write_key(body: bytes) -> str | None:
    """The write key in a body, None where there is none."""
    if b"writeKey" not in body and b"\\u" not in body:  # most have it in a header
        return None
    try:
        found = _keyed.decode(body).writeKey
    except _ERRORS:
        return None
    return found if found is not None and looks_like_a_key(found) else None


def source_of(key: Key) -> str:
    """The source of all that comes with a key: ids are its own."""
    prefix, own = key.source_prefix, f"/keys/{key.name}"
    return own if prefix == own else prefix.removesuffix("/") + own


# Bodies


def _read_call(kind: str, body: bytes, _: Names, sending: Sending) -> list[Event | Refusal]:
    if len(body) > MAX_CALL:
        raise refuse("", "too_large", f"A call has at most {MAX_CALL} bytes.", 400)
    try:
        call = read(body)
    except Refusal as refusal:
        refusal.status = 400
        raise
    sent_at = call.get("sentAt")
    skew = times.skew(sending.received, sent_at)
    request = Request(source_of(sending.key), skew, None, {}, {})
    return [_event_or_refusal(kind, call, request)]


def _read_batch(body: bytes, _: Names, sending: Sending) -> Iterable[Event | Refusal]:
    found = _opened(body)
    shared = len(bytes(found.context)) + len(bytes(found.integrations))
    if shared > MAX_CALL or shared * len(found.batch) > MAX_BODY:
        raise refuse("/context", "too_large", "All calls with their context are too long.", 400)
    try:
        context = _object(found.context, "context")
        integrations = _object(found.integrations, "integrations")
    except Refusal as refusal:
        refusal.status = 400
        raise
    skew = times.skew(sending.received, found.sentAt)
    request = Request(source_of(sending.key), skew, found.sentAt, context, integrations)
    calls = _at_once(body, found.batch)
    if calls is None:
        return (_of_piece(bytes(piece), request) for piece in found.batch)
    return (_event_or_refusal(call.get("type"), call, request) for call in calls)


def _at_once(body: bytes, pieces: Sequence[msgspec.Raw]) -> list[Fields] | None:
    """All calls of a batch, where none is wrong: to read each alone takes longer."""
    if may_have_nul(body) or any(memoryview(piece).nbytes > MAX_CALL for piece in pieces):
        return None
    try:
        found: list[Fields] = _calls.decode(body).batch
    except _ERRORS:
        return None
    return found


def _opened(body: bytes) -> _Batch:
    if len(body) > MAX_BATCH:
        raise refuse("", "too_large", f"A batch has at most {MAX_BATCH} bytes.", 400)
    try:
        found = _batch.decode(body)
    except _ERRORS as error:
        refusal = of_bytes(body, error)
        refusal.status = 400
        raise refusal from None
    if len(found.batch) > MAX_CALLS:
        raise refuse("/batch", "too_many", f"A batch has at most {MAX_CALLS} calls.", 400)
    return found


def _object(raw: msgspec.Raw, name: str) -> Fields:
    value = read_value(bytes(raw), f"/{name}")
    if value is not None and type(value) is not dict:
        raise refuse(f"/{name}", "type", f"`{name}` is an object.")
    return value or {}


def _of_piece(piece: bytes, request: Request) -> Event | Refusal:
    if len(piece) > MAX_CALL:
        return refuse("", "too_large", f"A call has at most {MAX_CALL} bytes.", 413)
    try:
        call = read(piece)
    except Refusal as refusal:
        return refusal
    return _event_or_refusal(call.get("type"), call, request)


def _event_or_refusal(kind: Any, call: Fields, request: Request) -> Event | Refusal:
    try:
        return event_of(kind, call, request)
    except Refusal as refusal:
        return refusal


def _whole(body: bytes) -> Sequence[bytes]:
    return [body]


def _pieces(body: bytes) -> Sequence[bytes]:
    return [bytes(piece) for piece in _batch.decode(body).batch]


def _alone(_: bytes) -> tuple[bytes, bytes]:
    return b"", b""


def _around(body: bytes) -> tuple[bytes, bytes]:
    """A batch of one call, with what the whole batch said."""
    found = _batch.decode(body)
    said = {
        "context": found.context,
        "integrations": found.integrations,
        "sentAt": found.sentAt,
    }
    return b'{"batch":[', b"]," + msgspec.json.encode(said)[1:]


# Answers

_SUCCESS = as_json(200, {"success": True})


def _answer(outcomes: Sequence[Outcome], _: list[Result]) -> Answer:
    """Success, also where a call is wrong: it is kept aside, and to send it again does not help.

    Raises BadRequest for one that is too long.
    """
    if any(isinstance(outcome, Refusal) and outcome.status == 413 for outcome in outcomes):
        raise BadRequest(
            f"A call has at most {MAX_CALL} bytes. It is kept aside; the others were let in.",
            code="too_large",
        )
    return _SUCCESS


BY_PATH = {
    **{
        f"/v1/{kind}": Dialect(partial(_read_call, kind), _whole, _answer, _alone) for kind in KINDS
    },
    "/v1/batch": Dialect(_read_batch, _pieces, _answer, _around),
}
"""The dialect of each operation."""
