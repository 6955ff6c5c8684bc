"""Records as contact writes them, for tests of what folds them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from shared import identifiers
from shared.clock import rfc3339
from shared.ids import uuid8
from shared.messages import Place, Record

SECRET = b"the secret of the tests: 32 bytes or more"
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> str:
    """A moment after the start of all tests, as records spell it."""
    return rfc3339(START + timedelta(seconds=seconds))


def identifier(text: str) -> dict[str, str]:
    """`email:jane@x` or `user:shop:42` as it stands in a record."""
    kind, *namespace, value = text.split(":")
    found = {"kind": kind, "namespace": namespace[0] if namespace else "", "value": value}
    subject = identifiers.subject_of(SECRET, kind, found["namespace"], value)
    return found if subject is None else found | {"subject": subject}


def subject(text: str) -> str:
    """The subject of an identifier that identifies."""
    return identifier(text)["subject"]


def partition_key(known: Sequence[dict[str, str]], fallback: str) -> str:
    """The subject of the strongest, of equals the smallest."""
    ranked = [(-identifiers.RANK[k["kind"]], k["subject"]) for k in known if "subject" in k]
    return min(ranked)[1] if ranked else str(uuid8(sha256(fallback.encode()).digest()))


def record(
    type_: str,
    *who: str,
    id: str,
    seconds: float = 0,
    recorded: float | None = None,
    source: str = "/tests",
    topic: str = "interactions.1",
    partition: int = 0,
    offset: int = 0,
    key: str = "tests",
    **fields: Any,
) -> Record:
    """One record: its type, whom it names (`email:jane@x`), when it happened and was recorded.

    `disowned` becomes the field `key` of its data.
    """
    if "disowned" in fields:
        fields = {"key": fields.pop("disowned"), **fields}
    known = [identifier(text) for text in who]
    name = partition_key(known, f"{source}\0{id}")
    attributes = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": type_,
        "time": at(seconds),
        "receivedtime": at(seconds if recorded is None else recorded),
        "recordedtime": at(seconds if recorded is None else recorded),
        "partitionkey": name,
        "ingestkey": key,
        "actor": f"service:{key}",
        "data": {"channel": "web", "direction": "inbound", "identifiers": known, **fields},
    }
    place = Place(topic, partition, offset)
    return Record(place, name.encode(), msgspec.json.encode(attributes))


def decided(
    type_: str,
    who: str,
    stream: int,
    version: int,
    *,
    seconds: float = 0,
    recorded: float | None = None,
    topic: str = "leads.1",
    offset: int = 0,
    key: str = "tests",
    **fields: Any,
) -> Record:
    """One decided event of a stream that began with a subject: which, and its place in it."""
    name, named = subject(who), str(uuid8(sha256(f"stream {stream}".encode()).digest()))
    attributes = {
        "specversion": "1.0",
        "id": f"{named}/{version}",
        "source": f"/{topic.partition('.')[0]}",
        "type": type_,
        "time": at(seconds),
        "receivedtime": at(seconds if recorded is None else recorded),
        "recordedtime": at(seconds if recorded is None else recorded),
        "partitionkey": name,
        "ingestkey": key,
        "actor": "representative:7",
        "stream": named,
        "streamversion": version,
        "sequence": f"{offset:016}",
        "data": fields,
    }
    return Record(Place(topic, 0, offset), name.encode(), msgspec.json.encode(attributes))


def interleaved(
    partitions: Sequence[Sequence[Record]], cuts: Sequence[int], turns: Sequence[bool]
) -> list[list[Record]]:
    """The partitions cut into batches and taken in turns."""
    waiting = [list(partition) for partition in partitions]
    batches = []
    for cut, turn in zip(cuts, turns, strict=True):
        batches.append(waiting[turn][:cut])
        del waiting[turn][:cut]
    return [batch for batch in [*batches, *waiting] if batch]
