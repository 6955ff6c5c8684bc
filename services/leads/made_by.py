"""Which events made a row of a view, by what stands in it: pure, said by parts of their tables."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from shared.comparing import Row
from shared.ids import event_id


class OfStream(NamedTuple):
    """Events of one of our streams: that of one version, or all whose data `tells` of the row."""

    stream: str
    version: int | None = None
    tells: Callable[[Mapping[str, Any]], bool] | None = None


class OneEvent(NamedTuple):
    """An event by its partition key and its 128-bit name."""

    subject: str
    event: str


class Revisions(NamedTuple):
    """What was told of whom a subject belongs to: one revision, or all."""

    subject: str
    revision: int | None = None


Events = Iterable[OfStream | OneEvent | Revisions]
MadeBy = Callable[[Row], Events]


def stream(column: str, of: Callable[[str], str] = str) -> MadeBy:
    """All events of the stream that a column names; `of` what it names, where that is no stream."""
    return lambda row: [OfStream(of(row[column]))]


def version(column: str, of: Callable[[str], str] = str) -> MadeBy:
    """The event of that stream which is of the row's version."""
    return lambda row: [OfStream(of(row[column]), row["version"])]


def version_in(stream: str) -> MadeBy:
    """The event of one certain stream which is of the row's version."""
    return lambda row: [OfStream(stream, row["version"])]


def stamped(*columns: str) -> MadeBy:
    """The events of stamps, those that are there."""
    return lambda row: [_of_stamp(row[each]) for each in columns if row[each] is not None]


def itself(row: Row) -> Events:
    """The event that a row is of."""
    return [OneEvent(row["subject"], row["event"])]


def forgotten(row: Row) -> Events:
    """Sums over events of which the view keeps no record that would name them."""
    return ()


MOMENT = 27
"""Characters of a moment in a stamp."""


def _of_stamp(stamp: str) -> OneEvent:
    """See `shared.messages.Envelope.stamp`."""
    source, _, rest = stamp[2 * MOMENT :].partition("\x1f")
    id, _, subject = rest.rpartition("\x1f")
    return OneEvent(subject, event_id(source, id))
