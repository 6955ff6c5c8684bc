"""Appending at the door: events to the lanes of their partitions, and who waits for the log."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from services.contact.answers import RETRY
from services.contact.intake import Admitted
from shared import errors
from shared.errors import LogUnavailable
from shared.log import partition_of
from shared.messages import Entry

MAX_WAITING = 4096
"""Requests that wait for the log; more are turned away at once."""


class Appender(Protocol):
    """What the door needs of the log."""

    def append(
        self, topic: str, partition: int, entries: Sequence[Entry]
    ) -> asyncio.Future[list[int]]: ...


class Topics(NamedTuple):
    """The names in Kafka of what the door writes to, and their number of partitions."""

    interactions: str
    quarantine: str
    partitions: int


class Begun(NamedTuple):
    """An event that is being appended."""

    future: asyncio.Future[list[int]]
    topic: str
    partition: int

    def position(self) -> str | None:
        """Where it stands, once the future is done; None where that is not settled in time."""
        if self.future.exception() is not None:
            return None
        return f"{self.topic}/{self.partition}/{self.future.result()[0]}"


class Lanes:
    """Appends each event to the partition where it belongs, in order, bounded."""

    def __init__(self, log: Appender, partitions: int) -> None:
        self._log = log
        self._partitions = partitions
        self._waiting = 0

    def make_way(self) -> None:
        """Raises NotReady when too many wait already."""
        if self._waiting >= MAX_WAITING:
            raise errors.NotReady("Too many wait for the log.", code="busy", headers=RETRY)

    async def one(self, topic: str, admitted: Admitted) -> str | None:
        """Append one; its position, None where that is not settled in time."""
        begun = self.begin(topic, admitted)
        try:
            await begun.future
        except LogUnavailable:
            pass
        finally:
            self.end()
        return begun.position()

    def begin(self, topic: str, admitted: Admitted) -> "Begun":
        """Begin to append one; `end` has to be called once its future is done, or given up."""
        partition = partition_of(admitted.partitionkey, self._partitions)
        future = self._log.append(topic, partition, (admitted,))
        self._waiting += 1
        return Begun(future, topic, partition)

    def end(self) -> None:
        """One that was begun waits no longer."""
        self._waiting -= 1

    async def many(self, placed: Sequence[tuple[str, Admitted]]) -> list[str | None]:
        """Append each to its topic, in order; the positions, None for what is not settled."""
        lanes: dict[tuple[str, int], tuple[list[int], list[Admitted]]] = {}
        for place, (topic, admitted) in enumerate(placed):
            lane = (topic, partition_of(admitted.partitionkey, self._partitions))
            places, entries = lanes.get(lane) or lanes.setdefault(lane, ([], []))
            places.append(place)
            entries.append(admitted)
        positions: list[str | None] = [None] * len(placed)
        if not lanes:
            return positions
        futures = [self._log.append(*lane, entries) for lane, (_, entries) in lanes.items()]
        self._waiting += 1
        try:
            await asyncio.wait(futures)
        finally:
            self._waiting -= 1
        for (topic, partition), (places, _), future in zip(
            lanes, lanes.values(), futures, strict=True
        ):
            if future.exception() is None:
                for place, offset in zip(places, future.result(), strict=True):
                    positions[place] = f"{topic}/{partition}/{offset}"
        return positions
