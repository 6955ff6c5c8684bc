"""What pages send: events of our own in an envelope that holds the key, for `sendBeacon`. Pure.

    {"key": "rk_...", "identity_token": "...", "sent_at": "2026-01-31T12:00:01Z", "events": [...]}

`sendBeacon` sends text without headers, so that all there is to say stands in the body. `sent_at`
is the page's clock when it sent: how far that is from ours is taken off the time of each event,
and an event that waited offline keeps its time.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from services.contact.answers import Outcome, Result, as_json
from services.contact.dialect import Dialect, Names
from services.contact.faults import Refusal, of_bytes, refuse
from services.contact.intake import Sending
from services.contact.reading import MAX_EVENTS, Event, read
from services.contact.segment import times
from shared.auth import looks_like_a_key
from shared.direct import Answer

PATH = "/v1/beacon"
TOKEN = "/identity_token"
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Head(msgspec.Struct):
    key: Any = None
    identity_token: Any = None


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw]
    sent_at: str | None = None


_head = msgspec.json.Decoder(_Head)
_envelope = msgspec.json.Decoder(_Envelope)


def head(body: bytes) -> tuple[str | None, str | None]:
    """The secret of the key and the identity token in a body, each None where there is none."""
    try:
        found = _head.decode(body)
    except _ERRORS:
        return None, None
    secret, token = found.key, found.identity_token
    right = type(secret) is str and looks_like_a_key(secret)
    return secret if right else None, token if type(token) is str else None


def without(body: bytes, token: str | None) -> bytes:
    """The body with its identity token blanked: it may be kept for long."""
    return body.replace(token.encode(), b"*" * len(token)) if token else body


def as_json_events(names: Names) -> Names:
    """The headers that say what each event of an envelope is: it came as some text."""
    return {**names, b"content-type": b"application/json"}


def _read(body: bytes, _: Names, sending: Sending) -> Iterable[Event | Refusal]:
    found = _opened(body)
    skew = _skew(sending.received, found.sent_at)
    return [_event(bytes(piece), skew) for piece in found.events]


def _opened(body: bytes) -> _Envelope:
    try:
        found = _envelope.decode(body)
    except _ERRORS as error:
        raise of_bytes(body, error) from None
    if len(found.events) > MAX_EVENTS:
        raise refuse("/events", "too_many", f"A beacon has at most {MAX_EVENTS} events.", 413)
    return found


def _skew(received: str, sent_at: str | None) -> timedelta:
    if sent_at is None:
        return times.NOTHING
    try:
        times.happened(sent_at, times.NOTHING)
    except Refusal:
        detail = "`sent_at` is RFC 3339 with its offset: 2026-01-31T12:00:00Z."
        raise refuse("/sent_at", "time", detail) from None
    return times.skew(received, sent_at)


def _event(piece: bytes, skew: timedelta) -> Event | Refusal:
    try:
        event = read(piece)
        if skew and event.get("time") is not None:
            event["time"] = _corrected(event["time"], skew)
    except Refusal as refusal:
        return refusal
    return event


def _corrected(time: Any, skew: timedelta) -> Any:
    """The time by our clock; one that is no moment stays as it is, and is refused for that."""
    try:
        return times.happened(time, skew)
    except Refusal:
        return time


def _pieces(body: bytes) -> Sequence[bytes]:
    return [bytes(piece) for piece in _envelope.decode(body).events]


def _around(body: bytes) -> tuple[bytes, bytes]:
    """An envelope of one event, with the page's clock when it sent."""
    said = {"sent_at": _envelope.decode(body).sent_at}
    return b'{"events":[', b"]," + msgspec.json.encode(said)[1:]


def _answer(_: Sequence[Outcome], results: list[Result]) -> Answer:
    return as_json(200, {"results": [_within(result) for result in results]})


def _within(result: Result) -> Result:
    """A result whose pointer goes into the envelope."""
    if "pointer" not in result:
        return result
    return {**result, "pointer": f"/events{result['pointer']}"}


BEACON = Dialect(_read, _pieces, _answer, _around)
