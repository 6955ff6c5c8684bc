"""The only clock."""

import time
from datetime import UTC, datetime, timedelta

import msgspec

_encode = msgspec.json.Encoder().encode
_wrong_by = timedelta()


def now() -> datetime:
    """The present moment in UTC, to the microsecond."""
    return datetime.now(UTC) + _wrong_by


def be_wrong(seconds: float) -> None:
    """Be wrong by so many seconds from now on, as clocks of machines are; for tests."""
    global _wrong_by
    _wrong_by = timedelta(seconds=seconds)


def rfc3339(moment: datetime) -> str:
    """The moment as RFC 3339 in UTC, always 27 characters, so that text order is time order.

    `2026-01-31T12:00:00.000001Z`; the log, stamps and the API know no other spelling.
    """
    text = _encode(moment.astimezone(UTC)).decode()  # quoted; without a fraction that is nothing
    return text[1:-1] if len(text) == 29 else f"{text[1:20]}.000000Z"


def monotonic() -> float:
    """Seconds that only grow; for deadlines, never for facts."""
    return time.monotonic()
