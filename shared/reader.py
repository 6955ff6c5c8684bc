"""Reads the log: assigned partitions, from the offsets told, a little ahead of who takes them."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared.appends import ORIGIN, Origin
from shared.errors import LogUnavailable, OffsetLost
from shared.messages import Place, Record
from shared.tasks import end

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0
MIRROR_TIMEOUT = 5.0
CLOSE_TIMEOUT = 3.0

POLL_MS = 1000
"""How long the broker holds a request while there is nothing."""

Positions = Mapping[tuple[str, int], int]
"""Offsets by topic in Kafka and partition."""

Found = dict[TopicPartition, list[Any]]

_logger = logging.getLogger("rapport.log")


class Original(NamedTuple):
    """A record with what a copy keeps of it: when it was appended, in ms, and its own origin."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    origin: Origin | None


class Reader:
    """Reads the partitions it is told to, from the offsets it is told; belongs to no group.

    Each topic has a client of its own. One client asks a broker for one thing at a time: while it
    waits for a topic where nothing happens, it would get nothing of the others. Each is asked for
    the next `limit` records before they are wanted, so that they are there by then.
    """

    def __init__(self, address: str, group: str | None) -> None:
        self._address = address
        self._group = group
        self._clients: dict[str, AIOKafkaConsumer] = {}
        self._polls: dict[str, asyncio.Task[Found]] = {}
        self._waiting: deque[tuple[TopicPartition, list[Any]]] = deque()

    async def start(self, positions: Positions) -> None:
        """Connect, take these (topic, partition) and go to their offsets. Raises LogUnavailable."""
        for topic in {topic for topic, _ in positions}:
            self._clients[topic] = self._client()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await _all(client.start() for client in self._clients.values())
                for topic, client in self._clients.items():
                    mine = {
                        TopicPartition(*place): offset
                        for place, offset in positions.items()
                        if place[0] == topic
                    }
                    client.assign([*mine])
                    for place, offset in mine.items():
                        client.seek(place, offset)
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"the log does not answer: {error}") from error

    async def batch(
        self, limit: int, wait: float, until: Positions = MappingProxyType({})
    ) -> list[Record]:
        """At most `limit` records, in order per partition; none after `wait` seconds without any.

        Where `until` has an offset, what stands there or later is left out. Raises OffsetLost where
        the log no longer has what comes next, LogUnavailable when away.
        """
        return [
            Record(Place(place.topic, place.partition, record.offset), record.key, record.value)
            for place, records in await self._taken(limit, wait)
            for record in _before(until.get(place), records)
        ]

    async def originals(self, limit: int, wait: float) -> list[Original]:
        """The same with all that a copy needs."""
        found = await self._taken(limit, wait)
        return [_original(record) for _, records in found for record in records]

    async def mirror(self, positions: Positions) -> None:
        """Leave the offsets with Kafka, for its own tools. Raises LogUnavailable."""
        if self._group is None:
            return
        try:
            async with asyncio.timeout(MIRROR_TIMEOUT):
                for (topic, partition), offset in positions.items():
                    place = TopicPartition(topic, partition)
                    await self._clients[topic].commit({place: offset})
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"offsets were not mirrored: {error}") from error

    async def close(self) -> None:
        """Disconnect; never hangs, never raises for a log that is away."""
        await _all(end(poll) for poll in self._polls.values())
        await _all(bounded(client.stop(), "reader") for client in self._clients.values())

    def _client(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._address,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=POLL_MS,
            request_timeout_ms=10_000,
            retry_backoff_ms=100,
        )

    async def _taken(self, limit: int, wait: float) -> list[tuple[TopicPartition, list[Any]]]:
        """At most `limit` records of what was found."""
        if not self._waiting:
            await self._look(limit, wait)
        taken = []
        while self._waiting and limit > 0:
            place, records = self._waiting.popleft()
            if len(records) > limit:
                self._waiting.appendleft((place, records[limit:]))
            taken.append((place, records[:limit]))
            limit -= len(records)
        return taken

    async def _look(self, limit: int, wait: float) -> None:
        """Wait until any topic has something, and ask for what comes behind it."""
        for topic in self._clients.keys() - self._polls.keys():
            self._polls[topic] = asyncio.create_task(self._poll(topic, limit))
        await asyncio.wait(self._polls.values(), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        for topic, poll in [*self._polls.items()]:
            if poll.done():
                del self._polls[topic]
                self._waiting += _result(poll).items()
                self._polls[topic] = asyncio.create_task(self._poll(topic, limit))

    async def _poll(self, topic: str, limit: int) -> Found:
        """What comes next in a topic; waits until there is something."""
        found: Found = {}
        while not found:
            found = await self._clients[topic].getmany(timeout_ms=POLL_MS, max_records=limit)
        return found


async def _all(steps: Iterable[Awaitable[None]]) -> None:
    """Take the steps at the same time, each to its end; raises what the first one that failed did.

    One that goes on behind the others would leave its connection open.
    """
    for error in await asyncio.gather(*steps, return_exceptions=True):
        if error is not None:
            raise error


def _result(poll: asyncio.Task[Found]) -> Found:
    try:
        return poll.result()
    except OffsetOutOfRangeError as error:
        raise OffsetLost(f"the log no longer has the offsets asked for: {error}") from error
    except KafkaError as error:
        raise LogUnavailable(f"the log does not answer: {error}") from error


def _before(end: int | None, records: list[Any]) -> list[Any]:
    """Those of one partition that stand before an offset."""
    if end is None or not records or records[-1].offset < end:
        return records
    return [record for record in records if record.offset < end]


def _original(record: Any) -> Original:
    header = next((value for name, value in record.headers if name == ORIGIN), None)
    place = (record.partition, record.offset)
    return Original(*place, record.key, record.value, record.timestamp, Origin.read(header))


async def bounded(closing: Awaitable[T], what: str) -> None:
    """Close a client in a task of its own: some hang or cancel themselves with no broker."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=CLOSE_TIMEOUT)
    if not task.done():
        task.cancel()
        _logger.warning("the %s did not close within %s s", what, CLOSE_TIMEOUT)
    elif not task.cancelled() and task.exception() is not None:
        _logger.warning("the %s did not close cleanly: %r", what, task.exception())
