"""What becomes of a refused item, as records of the topic `quarantine`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from services.contact.intake import Admitted
from services.contact.refused import partition_key, without_secrets

SOURCE = "/contact/quarantine"
DRIVEN, DISCARDED, AGAIN = "event.driven", "event.discarded", "drive.refused"
BOUND = "bound"
"""The reason of what is set aside because its key has too much in the quarantine."""


class Act(NamedTuple):
    """Who does something to refused items, and when."""

    actor: str
    key: str
    at: str
    traceparent: str


def driven(
    id: str, act: Act, events: Sequence[Mapping[str, str]], fix: Mapping[str, Any]
) -> Admitted:
    """The item was let in as these events, each with id and position, after this fix."""
    return _record(DRIVEN, f"{id}/driven", id, act, {"events": events, **fix})


def discarded(id: str, act: Act, reason: str, detail: str = "") -> Admitted:
    """The item was given up."""
    more = {"detail": detail} if detail else {}
    return _record(DISCARDED, f"{id}/discarded", id, act, {"reason": reason, **more})


def refused_again(
    id: str, act: Act, reasons: Sequence[Mapping[str, str]], fix: Mapping[str, Any]
) -> Admitted:
    """The item was sent through the door again, and is refused for these reasons now."""
    return _record(AGAIN, f"{id}/{act.at}", id, act, {"reasons": reasons, **fix})


def _record(type_: str, name: str, id: str, act: Act, content: Mapping[str, Any]) -> Admitted:
    partitionkey = partition_key(id)
    document = {
        "specversion": "1.0",
        "id": name,
        "source": SOURCE,
        "type": type_,
        "time": act.at,
        "receivedtime": act.at,
        "recordedtime": act.at,
        "partitionkey": partitionkey,
        "ingestkey": act.key,
        "actor": act.actor,
        "traceparent": act.traceparent,
        "dataversion": 1,
        "data": {"direction": "internal", "identifiers": [], "refused": id, **content},
    }
    value = without_secrets(msgspec.json.encode(document))
    return Admitted(partitionkey.encode(), value, name, partitionkey)
