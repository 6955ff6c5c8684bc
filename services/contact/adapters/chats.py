"""Chat transcripts: a message of a customer or of us is an event of its own. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from services.contact.adapters import values
from services.contact.attributes import own_source
from services.contact.dialect import Dialect, Names
from services.contact.faults import Refusal, of_bytes, refuse
from services.contact.intake import Sending
from services.contact.reading import MAX_EVENTS, Event, read, read_value

CUSTOMER = ("customer", "user", "visitor", "contact")
_RECEIVED = frozenset(CUSTOMER)
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NULL = msgspec.Raw(b"null")


class _Transcript(msgspec.Struct):
    messages: list[msgspec.Raw]
    id: str | int | None = None
    channel: str | None = None
    identifiers: msgspec.Raw = _NULL


_transcript = msgspec.json.Decoder(_Transcript)


def _opened(body: bytes) -> _Transcript:
    try:
        found = _transcript.decode(body)
    except _ERRORS as error:
        raise of_bytes(body, error) from None
    if len(found.messages) > MAX_EVENTS:
        detail = f"A transcript has at most {MAX_EVENTS} messages."
        raise refuse("/messages", "too_many", detail, 413)
    return found


def _read(body: bytes, _: Names, sending: Sending) -> Iterable[Event | Refusal]:
    found = _opened(body)
    conversation = "" if found.id is None else str(found.id)
    if not conversation:
        raise refuse("/id", "required", "`id` must be there: the number of the conversation.")
    who = read_value(bytes(found.identifiers), "/identifiers")
    said = {"conversation": conversation, "channel": found.channel or "chat"}
    source = own_source(sending.key, "chats")
    return [_message(bytes(raw), said, who, source) for raw in found.messages]


def _message(raw: bytes, said: dict[str, str], who: Any, source: str) -> Event | Refusal:
    try:
        message = read(raw)
        sender = values.text(message, ("from", "sender", "role"))
        if sender is None:
            raise refuse("/from", "required", "`from` must be there: customer, or who else wrote.")
        fields = {
            **said,
            "text": values.text(message, ("text", "body", "message")),
            "employee": values.text(message, ("employee", "agent")),
            "content_type": "application/json",
            "body": message,
        }
        return values.event(
            f"message.{'received' if sender.lower() in _RECEIVED else 'sent'}",
            who,
            fields,
            id=f"{said['conversation']}/{values.id_of(message, ('id', 'messageId'), raw)}",
            source=source,
            time=values.moment(message, ("time", "at", "timestamp", "sent")),
        )
    except Refusal as refusal:
        return refusal


def _pieces(body: bytes) -> Sequence[bytes]:
    return [bytes(raw) for raw in _transcript.decode(body).messages]


def _around(body: bytes) -> tuple[bytes, bytes]:
    """A transcript of one message, with all that it says of each."""
    found = _transcript.decode(body)
    said = {"id": found.id, "channel": found.channel, "identifiers": found.identifiers}
    return b'{"messages":[', b"]," + msgspec.json.encode(said)[1:]


CHATS = Dialect(_read, _pieces, around=_around)
