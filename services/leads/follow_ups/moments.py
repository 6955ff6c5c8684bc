"""Moments as records spell them, and sums of them. Pure."""

import re
from datetime import UTC, datetime, timedelta

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def later(at: str, hours: int) -> str:
    """So many hours after a moment."""
    return spelt(datetime.fromisoformat(at) + timedelta(hours=hours))


def shifted(moment: str, was: str, now: str) -> str:
    """A moment that comes as long after `now` as it came after `was`."""
    between = datetime.fromisoformat(now) - datetime.fromisoformat(was)
    return spelt(datetime.fromisoformat(moment) + between)


def hours_between(one: str, other: str) -> float:
    """From one moment to another; negative where the other is earlier."""
    return (datetime.fromisoformat(other) - datetime.fromisoformat(one)) / timedelta(hours=1)


def spelt(moment: datetime) -> str:
    """RFC 3339 in UTC, 27 characters, as `shared.clock.rfc3339` writes it."""
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="microseconds") + "Z"


def is_moment(text: str) -> bool:
    """Whether a text is a moment that there is, spelt like that."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
