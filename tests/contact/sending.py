"""Letting events in, as tests do it."""

from typing import Any

import msgspec

from services.contact.faults import Refusal
from services.contact.intake import Intake, Sending
from services.contact.reading import read
from shared.auth import Key
from shared.errors import FieldError
from tests.records import SECRET

KEY = Key("shop", frozenset(["ingest"]), "service:shop", "shop")
MOMENT = "2026-02-01T00:00:00.000000Z"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SENDING = Sending(KEY, MOMENT, MOMENT, TRACE)

intake = Intake(SECRET)


def admitted(event: Any, sending: Sending = SENDING) -> dict[str, Any]:
    """The record of an event that is let in."""
    raw = event if isinstance(event, bytes) else msgspec.json.encode(event)
    found: dict[str, Any] = msgspec.json.decode(intake.admit(read(raw), sending).value)
    return found


def refused(event: Any, sending: Sending = SENDING) -> FieldError:
    """Why an event is not let in."""
    try:
        record = admitted(event, sending)
    except Refusal as refusal:
        return refusal.error
    raise AssertionError(f"let in: {record}")
