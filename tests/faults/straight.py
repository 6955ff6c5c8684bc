"""Records put straight into a topic, past the door: as another producer's, or a broken one's."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from shared.log import Log, partition_of
from shared.messages import Entry, Record
from tests.faults.stage import PARTITIONS, Apart
from tests.records import record
from tests.system.load import SOURCE, Customer, Event

PAGE = 500
"""Records appended at once."""


@dataclass(frozen=True)
class Told:
    """What somebody knows who put records into the log: they are there, and what follows."""

    sent: Sequence[str]
    wanted: Sequence[Customer]

    @property
    def acknowledged(self) -> Sequence[str]:
        return self.sent

    def customers(self) -> Sequence[Customer]:
        return self.wanted


def as_record(event: Event) -> Record:
    """An event as contact would write it."""
    data = dict(event["data"])
    who = [
        ":".join(filter(None, (one["kind"], one.get("namespace"), one["value"])))
        for one in data.pop("identifiers")
    ]
    return record(event["type"], *who, id=event["id"], source=SOURCE, **data)


@contextmanager
def straight(apart: Apart) -> Iterator["Straight"]:
    """A way into the log and out of it, past the services."""
    with asyncio.Runner() as runner:
        log = runner.run(Log.connect(apart.settings["RAPPORT_KAFKA"]))
        try:
            yield Straight(runner, log, apart.topic)
        finally:
            runner.run(log.close())


class Straight:
    """Appends to `interactions` and reads it."""

    def __init__(self, runner: asyncio.Runner, log: Log, topic: str) -> None:
        self._runner = runner
        self._log = log
        self._topic = topic

    def append(self, records: Sequence[Record]) -> None:
        """Append records, each where its key belongs."""
        for start in range(0, len(records), PAGE):
            self._runner.run(self._append(records[start : start + PAGE]))

    def read(self, limit: int) -> list[Record]:
        """The first records of every partition, so many of each at most."""
        return self._runner.run(self._read(limit))

    async def _append(self, records: Sequence[Record]) -> None:
        entries: dict[int, list[Entry]] = defaultdict(list)
        for each in records:
            key = each.key or b""
            entries[partition_of(key.decode(), PARTITIONS)].append(Entry(key, each.value))
        await asyncio.gather(*(self._log.append(self._topic, *lane) for lane in entries.items()))

    async def _read(self, limit: int) -> list[Record]:
        return [
            found
            for partition in range(PARTITIONS)
            for found in await self._log.read(self._topic, partition, 0, limit)
        ]
