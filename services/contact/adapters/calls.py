"""Call records as telephone systems write them, JSON or CSV: received, placed, missed. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from services.contact.adapters import values
from services.contact.adapters.rows import Row, rows_of
from services.contact.attributes import own_source
from services.contact.dialect import Dialect, Names
from services.contact.faults import Refusal, nul, refuse
from services.contact.intake import Sending
from services.contact.reading import (
    MAX_EVENT,
    MAX_EVENTS,
    Event,
    is_array,
    read,
    read_array,
    split,
)
from shared.auth import Key

ID = ("id", "sid", "call_sid", "CallSid", "uniqueid")
FROM, TO = ("from", "From", "caller", "src"), ("to", "To", "callee", "dst")
DIRECTION = ("direction", "Direction")
STATUS = ("status", "CallStatus", "disposition")
STARTED = ("started", "start_time", "start", "time")
SECONDS = ("billsec", "duration", "CallDuration")
EMPLOYEE, PURPOSE = ("employee", "agent"), ("purpose",)
"""Names that fields go by: ours first, then those of Twilio and Asterisk."""

ASTERISK = [
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp"),
    *("lastdata", "start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
    *("uniqueid", "userfield"),
]
"""The columns of Asterisk's Master.csv, which has no line that names them."""

_TALKED = frozenset(("answered", "completed", "in-progress"))
_OUTSIDE = re.compile(r"\+?[\d ()/.-]{7,}")


def event_of(record: dict[str, Any], raw: bytes, key: Key) -> Event:
    """The event of one record, which stands whole in `body`. Raises Refusal."""
    caller, called = values.text(record, FROM), values.text(record, TO)
    is_inbound = _is_inbound(values.text(record, DIRECTION), caller, called)
    other = caller if is_inbound else called
    if other is None:
        name = "from" if is_inbound else "to"
        raise refuse(f"/{name}", "required", f"`{name}` must be there: the customer's number.")
    status = (values.text(record, STATUS) or "answered").lower()
    answered = "received" if status in _TALKED else "missed"
    fields = {
        "duration": values.number(record, SECONDS),
        "employee": values.text(record, EMPLOYEE),
        "purpose": values.text(record, PURPOSE),
        "status": status,
        "line": called if is_inbound else caller,
        "content_type": "application/json",
        "body": record,
    }
    return values.event(
        f"call.{answered if is_inbound else 'placed'}",
        [{"kind": "phone", "value": other}],
        fields,
        id=values.id_of(record, ID, raw),
        source=own_source(key, "calls"),
        time=values.moment(record, STARTED),
    )


def _is_inbound(direction: str | None, caller: str | None, called: str | None) -> bool:
    """Whether the customer rang; where nobody says, whoever has a long number is the customer."""
    if direction is not None:
        return not direction.lower().startswith("out")
    from_outside = caller is not None and _OUTSIDE.fullmatch(caller) is not None
    return from_outside or called is None or _OUTSIDE.fullmatch(called) is None


def _read(body: bytes, names: Names, sending: Sending) -> Event | Iterable[Event | Refusal]:
    key = sending.key
    if not is_array(body):
        if _is_csv(names):
            return [_of_row(row, columns, key) for row, columns in _records(body)]
        return event_of(read(body), body, key)
    return [
        _or_refusal(record, raw, key)
        for record, raw in zip(read_array(body), split(body), strict=True)
    ]


def _or_refusal(record: dict[str, Any] | Refusal, raw: bytes, key: Key) -> Event | Refusal:
    try:
        return record if isinstance(record, Refusal) else event_of(record, raw, key)
    except Refusal as refusal:
        return refusal


# CSV


def _is_csv(names: Names) -> bool:
    return b"csv" in names.get(b"content-type", b"").lower()


def _records(body: bytes) -> list[tuple[Row, list[str]]]:
    """Each row with the names of its columns: those of the first line, else Asterisk's."""
    rows = rows_of(body)
    head = [name.strip() for name in rows[0].fields] if rows else []
    if rows and {*FROM, *TO}.intersection(head):
        return [(row, head) for row in rows[1:]]
    return [(row, ASTERISK) for row in rows[:MAX_EVENTS]]


def _of_row(row: Row, columns: list[str], key: Key) -> Event | Refusal:
    record = {name: value for name, value in zip(columns, row.fields, strict=False) if value}
    if len(row.fields) > len(columns):
        return refuse("", "columns", f"This row has more than {len(columns)} fields.")
    if len(row.raw) > MAX_EVENT:
        return refuse("", "too_large", f"A row has at most {MAX_EVENT} bytes.", 413)
    error = nul(record)
    return Refusal(error) if error else _or_refusal(row.refusal or record, row.raw, key)


def _pieces(body: bytes) -> Sequence[bytes]:
    return split(body) if is_array(body) else [row.raw for row, _ in _records(body)]


def _around(body: bytes) -> tuple[bytes, bytes]:
    """What makes a body of one record again: the brackets, or the line that names the columns."""
    if is_array(body):
        return b"[", b"]"
    rows = rows_of(body)
    return (rows[0].raw if len(_records(body)) < len(rows) else b""), b""


CALLS = Dialect(_read, _pieces, around=_around)
