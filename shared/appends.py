"""Appends to a partition: gathered while one is under way, settled within a bound."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.errors import LogUnavailable
from shared.failpoints import failpoint
from shared.messages import CONTENT_TYPE, Entry

SETTLE_TIMEOUT = 4.5
"""Seconds after which an append is answered as unsettled."""

MAX_QUEUED_BYTES = 64 * 1024 * 1024

ORIGIN = "origin"
"""The header of a copied record that says where it stood before."""

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


@dataclass
class Queued:
    """What all appends of a log wait with."""

    bytes: int = 0


class Lane:
    """The appends of one partition: while one is under way, the next ones gather."""

    def __init__(self, producer: Any, queued: Queued, topic: str, partition: int) -> None:
        self._producer = producer
        self._queued = queued
        self._topic = topic
        self._partition = partition
        self._waiting: deque[_Request] = deque()
        self.task: asyncio.Task[None] | None = None

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[list[int]]:
        """See `Log.append`."""
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        size = sum(len(entry.value or b"") for entry in entries)
        if self._queued.bytes + size > MAX_QUEUED_BYTES:
            future.set_exception(LogUnavailable("too much is waiting for the log"))
            return future
        self._queued.bytes += size
        self._waiting.append(_Request(entries, future, size))
        if self.task is None:
            self.task = asyncio.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        """Send what gathered until nothing is left; after a failure nothing that waited is sent."""
        try:
            while self._waiting:
                requests = list(self._waiting)
                self._waiting.clear()
                try:
                    async with asyncio.timeout(SETTLE_TIMEOUT):
                        offsets = await self._send(requests)
                except Exception as error:
                    requests += self._waiting
                    self._waiting.clear()
                    self._fail(requests, error)
                else:
                    self._settle(requests, offsets)
        finally:
            self.task = None

    async def _send(self, requests: Sequence["_Request"]) -> list[int]:
        """All entries of the requests, in as few Kafka batches as hold them; their offsets."""
        offsets: list[int] = []
        builder = self._producer.create_batch()
        for request in requests:
            for entry in request.entries:
                if not _add(builder, entry):
                    offsets += await self._send_batch(builder)
                    builder = self._producer.create_batch()
                    if not _add(builder, entry):
                        raise LogUnavailable("a record does not fit into a batch")
        return offsets + list(await self._send_batch(builder))

    async def _send_batch(self, builder: Any) -> range:
        count: int = builder.record_count()
        settled = await self._producer.send_batch(builder, self._topic, partition=self._partition)
        failpoint("append.sending")
        first: int = (await settled).offset
        failpoint("append.settled")
        return range(first, first + count)

    def _settle(self, requests: Sequence["_Request"], offsets: list[int]) -> None:
        start = 0
        for request in requests:
            end = start + len(request.entries)
            self._queued.bytes -= request.size
            if not request.future.done():
                request.future.set_result(offsets[start:end])
            start = end

    def _fail(self, requests: Sequence["_Request"], error: Exception) -> None:
        _logger.warning("append to %s/%d not settled: %r", self._topic, self._partition, error)
        for request in requests:
            self._queued.bytes -= request.size
            if not request.future.done():
                request.future.set_exception(
                    LogUnavailable(f"the append was not settled: {error!r}")
                )


class _Request(NamedTuple):
    entries: Sequence[Entry]
    future: asyncio.Future[list[int]]
    size: int


def _add(builder: Any, entry: Entry) -> bool:
    timestamp, headers = None, _HEADERS
    if isinstance(entry, Copied):
        timestamp, headers = entry.timestamp, [*_HEADERS, (ORIGIN, entry.origin.header())]
    added = builder.append(timestamp=timestamp, key=entry.key, value=entry.value, headers=headers)
    return added is not None
