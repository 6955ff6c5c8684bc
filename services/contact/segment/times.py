"""When a call happened: the client's clock set right by when it was sent. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.contact.attributes import Spelled
from services.contact.faults import refuse
from shared.clock import rfc3339

NOTHING = timedelta()


def skew(received: str, sent_at: Any) -> timedelta:
    """By how much the client's clock is behind ours; nothing where it does not say."""
    sent = _moment(sent_at)
    return NOTHING if sent is None else datetime.fromisoformat(received) - sent


def happened(timestamp: Any, skew: timedelta) -> str:
    """receivedAt - (sentAt - originalTimestamp). Raises Refusal."""
    moment = _moment(timestamp)
    if moment is not None:
        try:
            return Spelled(rfc3339(moment + skew))
        except OverflowError:
            pass
    raise refuse("/timestamp", "time", "`timestamp` is a moment as ISO 8601 has it.")


def _moment(text: Any) -> datetime | None:
    """A moment, in UTC where it does not say; None for anything else."""
    if type(text) is not str:
        return None
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
