"""The facts that the profile appends to the topic `identity`."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from services.profile.commands import DecideIdentity, DisownKey
from shared.ids import event_id

SOURCE = "/profile/identity-decisions"
DISOWNED = "/profile/key-disownments"
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
    data = {
        "channel": "desk",
        "direction": "internal",
        "identifiers": [command.weaker, command.stronger],
        "decision": command.verb,
        "reason": command.reason,
    }
    names = {"id": id, "source": SOURCE, "type": f"identifiers.{command.verb}"}
    return _record(names, at, partition_key(command), command, data, traceparent)


def partition_key_of(key: str) -> str:
    """All that is said of a key is in one partition."""
    return event_id(DISOWNED, key)


def key_disowned(command: DisownKey, *, id: str, at: str, traceparent: str | None) -> bytes:
    """The record of `key.disowned`; `at` as records spell it."""
    data = {
        "channel": "desk",
        "direction": "internal",
        "identifiers": [],
        "key": command.name,
        "reason": command.reason,
        "actor": command.actor,
    }
    names = {"id": id, "source": DISOWNED, "type": "key.disowned"}
    return _record(names, at, partition_key_of(command.name), command, data, traceparent)


def _record(
    names: dict[str, str],
    at: str,
    partitionkey: str,
    command: DecideIdentity | DisownKey,
    data: Mapping[str, object],
    traceparent: str | None,
) -> bytes:
    record: dict[str, object] = {
        "specversion": "1.0",
        **names,
        "time": at,
        "receivedtime": at,
        "recordedtime": at,
        "datacontenttype": "application/json",
        "dataversion": 1,
        "partitionkey": partitionkey,
        "ingestkey": command.key,
        "actor": command.actor,
        "data": data,
    }
    if traceparent is not None:
        record["traceparent"] = traceparent
    return msgspec.json.encode(record)
