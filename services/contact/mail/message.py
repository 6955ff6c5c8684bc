"""A message as an event of ours: who wrote it, its text, its thread, what was attached. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from services.contact.attributes import MAX_ID, own_source
from services.contact.dialect import Dialect, Names
from services.contact.faults import refuse
from services.contact.intake import Sending
from services.contact.mail import headers as fields
from services.contact.mail.automatic import signs
from services.contact.mail.charsets import line_of
from services.contact.mail.headers import Headers
from services.contact.mail.parts import content_of
from services.contact.reading import Event
from shared.clock import rfc3339

ENVELOPE_FROM, ENVELOPE_TO = b"envelope-from", b"envelope-to"
"""Headers of the request: whom the envelope names, as far as the sender of the request knows."""

MOST_SUBJECT = 4096
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def event_of(raw: bytes, names: Names, sending: Sending) -> Event:
    """The event of a message. Raises Refusal."""
    headers, body = fields.split(raw)
    if not headers:
        raise refuse("", "not_mail", "This is no message: it has no headers.", 400)
    senders = fields.addresses(headers, "from") or fields.addresses(headers, "sender")
    if not senders:
        raise refuse("/From", "required", "`From` must be there, with an address: a@example.com.")
    event: Event = {
        "id": _id(headers, body),
        "source": own_source(sending.key, "mail"),
        "type": "email.received",
        "data": _data(headers, body, names, senders) | {"size": len(raw)},
    }
    happened = fields.moment(headers)
    if happened is not None and happened >= _FIRST:
        event["time"] = min(rfc3339(happened), sending.received)
    return event


def _data(
    headers: Headers, body: bytes, names: Names, senders: list[dict[str, str]]
) -> dict[str, Any]:
    return_path = _return_path(headers, names)
    automatic = signs(headers, return_path)
    content = content_of(headers, body)
    found = {
        "message": next(iter(fields.references(headers, "message-id")), None),
        "subject": fields.words(headers, "subject")[:MOST_SUBJECT],
        "text": content.text(),
        "sender": senders[0],
        "reply_to": fields.addresses(headers, "reply-to"),
        "to": fields.addresses(headers, "to"),
        "cc": fields.addresses(headers, "cc"),
        "delivered_to": _delivered_to(names),
        "return_path": return_path,
        "in_reply_to": next(iter(fields.references(headers, "in-reply-to")), None),
        "references": fields.references(headers, "references"),
        "attachments": content.attachments,
        "cut": content.cut or None,
    }
    said = {name: value for name, value in found.items() if value not in (None, [])}
    who = [{"kind": "email", "value": senders[0]["address"]}]
    marks = {"automatic": bool(automatic)} | ({"automatic_by": automatic} if automatic else {})
    return {"identifiers": who, **said, **marks}


def _id(headers: Headers, body: bytes) -> str:
    """Message-ID, or a hash of what does not change on the way."""
    found = fields.references(headers, "message-id")
    if found and len(found[0]) <= MAX_ID:
        return found[0]
    stays = [fields.line(headers, name) for name in _STAYS]
    return "sha256:" + sha256("\n".join(stays).encode() + b"\n\n" + body).hexdigest()


_STAYS = ("message-id", "from", "to", "date", "subject")


def _return_path(headers: Headers, names: Names) -> str | None:
    """The sender on the envelope: empty where there is none, None where nobody says."""
    if ENVELOPE_FROM in names:
        said = line_of(names[ENVELOPE_FROM])
    elif "return-path" in headers:
        said = fields.line(headers, "return-path")
    else:
        return None
    return said.strip("<>").strip()[: fields.MAX_ADDRESS]


def _delivered_to(names: Names) -> list[str]:
    said = line_of(names.get(ENVELOPE_TO, b"")).split(",")
    found = [each.strip("<> ") for each in said[: fields.MOST_ADDRESSES]]
    return [each for each in found if fields.is_address(each)]


def _whole(raw: bytes) -> Sequence[bytes]:
    return [raw]


def _alone(_: bytes) -> tuple[bytes, bytes]:
    return b"", b""


MAIL = Dialect(event_of, _whole, around=_alone)
