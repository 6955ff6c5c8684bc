"""The facts that the profile appends to the topic `identity`."""

from datetime import datetime, timedelta

import msgspec

from services.profile.commands import DecideIdentity

SOURCE = "/profile/identity-decisions"
_MICROSECOND = timedelta(microseconds=1)


def later_than(now: datetime, last: str | None) -> datetime:
    """Now, or just after the last decision shown (its stamp), where our clock is behind that."""
    if last is None:
        return now
    return max(now, datetime.fromisoformat(last[:27]) + _MICROSECOND)


def partition_key(command: DecideIdentity) -> str:
    """All decisions about two identifiers are in one partition: that of the weaker one."""
    assert command.weaker.subject is not None
    return command.weaker.subject


def identity_decided(
    command: DecideIdentity, *, id: str, at: str, traceparent: str | None
) -> bytes:
    """The record of `identifiers.together`, `.apart` or `.observed`; `at` as records spell it."""
    record: dict[str, object] = {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": f"identifiers.{command.verb}",
        "time": at,
        "receivedtime": at,
        "recordedtime": at,
        "datacontenttype": "application/json",
        "dataversion": 1,
        "partitionkey": partition_key(command),
        "ingestkey": command.key,
        "actor": command.actor,
        "data": {
            "channel": "desk",
            "direction": "internal",
            "identifiers": [command.weaker, command.stronger],
            "decision": command.verb,
            "reason": command.reason,
        },
    }
    if traceparent is not None:
        record["traceparent"] = traceparent
    return msgspec.json.encode(record)
