"""Appends to partitions: gathered while some are under way, settled within a bound."""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.errors import LogUnavailable
from shared.failpoints import failpoint
from shared.messages import CONTENT_TYPE, Entry

SETTLE_TIMEOUT = 4.5
"""Seconds after which an append is answered as unsettled."""

PATIENCE = 0.05
"""Seconds for which appends of other partitions wait for one that is under way."""

MAX_QUEUED_BYTES = 64 * 1024 * 1024

ORIGIN = "origin"
"""The header of a copied record that says where it stood before."""

Partition = tuple[str, int]
"""The name of a topic in Kafka, and the number."""

_ORIGIN = re.compile(rb"(\d{1,19})/(\d{1,19})/(\d{1,19})")
_HEADERS = [("content-type", CONTENT_TYPE.encode())]
_logger = logging.getLogger("rapport.log")


class Origin(NamedTuple):
    """Where a record stood that was copied: in which generation of its topic, and where there."""

    generation: int
    partition: int
    offset: int

    def header(self) -> bytes:
        return b"%d/%d/%d" % self

    @classmethod
    def read(cls, header: bytes | None) -> "Origin | None":
        """None for what is no origin."""
        found = _ORIGIN.fullmatch(header or b"")
        return cls(*map(int, found.groups())) if found else None


class Copied(Entry, frozen=True, gc=False):
    """An entry that is copied from elsewhere: its first time in ms, its place there."""

    timestamp: int
    origin: Origin


class Appends:
    """The appends of a log: of each partition one is under way, and the next ones gather.

    They start together where they can, as the producer has one request to a broker under way
    anyway: each then holds all that waited, of all partitions. Who is late holds nobody up.
    """

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Partition, list[_Request]] = {}
        self._under_way: dict[Partition, asyncio.Task[None]] = {}
        self.bytes = 0  # of all that is not settled
        self.task: asyncio.Task[None] | None = None

    def append(self, place: Partition, entries: Sequence[Entry]) -> asyncio.Future[list[int]]:
        """See `Log.append`."""
        future: asyncio.Future[list[int]] = self._loop.create_future()
        size = sum([len(entry.value or b"") for entry in entries])
        if self.bytes + size > MAX_QUEUED_BYTES:
            future.set_exception(LogUnavailable("too much is waiting for the log"))
            return future
        self.bytes += size
        request = _Request(entries, future, size, self._loop.time())
        self._waiting.setdefault(place, []).append(request)
        if self.task is None:
            self.task = self._loop.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        """Start what gathered whenever something is settled, until nothing is left."""
        try:
            while self._waiting or self._under_way:
                for place in self._waiting.keys() - self._under_way.keys():
                    appending = self._append(place, self._waiting.pop(place))
                    self._under_way[place] = self._loop.create_task(appending)
                await asyncio.wait(
                    self._under_way.values(), timeout=PATIENCE, return_when="FIRST_COMPLETED"
                )
                for place in [one for one, task in self._under_way.items() if task.done()]:
                    del self._under_way[place]
        finally:
            self.task = None

    async def _append(self, place: Partition, requests: "list[_Request]") -> None:
        """Append to one partition; after a failure nothing that waited for it is sent."""
        try:
            async with asyncio.timeout_at(requests[0].since + SETTLE_TIMEOUT):
                offsets = await self._send(place, requests)
        except Exception as error:
            self._fail(place, [*requests, *self._waiting.pop(place, ())], error)
        else:
            self._settle(requests, offsets)

    async def _send(self, place: Partition, requests: Sequence["_Request"]) -> list[int]:
        """All entries of the requests, in as few Kafka batches as hold them; their offsets."""
        offsets: list[int] = []
        builder = self._producer.create_batch()
        for request in requests:
            for entry in request.entries:
                if not _add(builder, entry):
                    offsets += await self._send_batch(place, builder)
                    builder = self._producer.create_batch()
                    if not _add(builder, entry):
                        raise LogUnavailable("a record does not fit into a batch")
        return offsets + list(await self._send_batch(place, builder))

    async def _send_batch(self, place: Partition, builder: Any) -> range:
        topic, partition = place
        count: int = builder.record_count()
        settled = await self._producer.send_batch(builder, topic, partition=partition)
        failpoint("append.sending")
        first: int = (await settled).offset
        failpoint("append.settled")
        return range(first, first + count)

    def _settle(self, requests: Sequence["_Request"], offsets: list[int]) -> None:
        start = 0
        for request in requests:
            end = start + len(request.entries)
            self.bytes -= request.size
            if not request.future.done():
                request.future.set_result(offsets[start:end])
            start = end

    def _fail(self, place: Partition, requests: Sequence["_Request"], error: Exception) -> None:
        _logger.warning("append to %s/%d not settled: %r", *place, error)
        for request in requests:
            self.bytes -= request.size
            if not request.future.done():
                request.future.set_exception(
                    LogUnavailable(f"the append was not settled: {error!r}")
                )


class _Request(NamedTuple):
    entries: Sequence[Entry]
    future: asyncio.Future[list[int]]
    size: int
    since: float  # of the loop's time


def _add(builder: Any, entry: Entry) -> bool:
    timestamp, headers = None, _HEADERS
    if isinstance(entry, Copied):
        timestamp, headers = entry.timestamp, [*_HEADERS, (ORIGIN, entry.origin.header())]
    added = builder.append(timestamp=timestamp, key=entry.key, value=entry.value, headers=headers)
    return added is not None
