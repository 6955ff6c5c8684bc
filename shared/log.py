"""The only place that speaks Kafka: append and know it is durable, read an assigned partition."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared import administration
from shared.appends import ORIGIN, Appends
from shared.appends import SETTLE_TIMEOUT as SETTLE_TIMEOUT
from shared.appends import Copied as Copied
from shared.appends import Origin as Origin
from shared.clock import monotonic
from shared.errors import Fatal, LogUnavailable, OffsetLost
from shared.messages import Entry, Place, Record
from shared.topics import Topic as Topic
from shared.topics import topic_name as topic_name

T = TypeVar("T")

REQUEST_TIMEOUT = 4.0
"""Seconds the client itself tries before it gives an append up."""

CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 3.0
MAX_RECORD_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 1024 * 1024

_logger = logging.getLogger("rapport.log")


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the low 32 bits of its UUID, which is a uniform hash already."""
    return int(key[-8:], 16) % partitions


class Original(NamedTuple):
    """A record with what a copy keeps of it: when it was appended, in ms, and its own origin."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    origin: Origin | None


class Log:
    """A connection to Kafka; appends are coalesced while others are under way.

    An `exact` one never appends twice what it was given once, but is of no use after an append
    that was not settled: close it, see what arrived, connect anew.
    """

    def __init__(self, address: str, *, exact: bool = False) -> None:
        self.address = address
        self._exact = exact
        self._producer = AIOKafkaProducer(
            bootstrap_servers=address,
            acks="all",
            enable_idempotence=exact,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES + 65536,
            request_timeout_ms=int(REQUEST_TIMEOUT * 1000),
            retry_backoff_ms=100,
        )
        self._inspector = AIOKafkaConsumer(
            bootstrap_servers=address, enable_auto_commit=False, request_timeout_ms=5000
        )
        self._appends = Appends(self._producer)

    @classmethod
    async def connect(cls, address: str, *, exact: bool = False) -> "Log":
        """Connect. Raises Fatal where no broker answers within 10 s."""
        log = cls(address, exact=exact)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await log._producer.start()
                await log._inspector.start()
        except (OSError, TimeoutError, KafkaError, ValueError) as error:
            await log.close()
            raise Fatal(
                f"No Kafka broker answers at {address} ({error!r}); "
                "start it, or set RAPPORT_KAFKA to one that runs."
            ) from error
        return log

    @property
    def queued_bytes(self) -> int:
        """What is given to be appended, and not settled yet."""
        return self._appends.bytes

    async def close(self) -> None:
        """Settle what is queued, then disconnect; never longer than a few seconds."""
        if self._appends.task is not None:
            await asyncio.wait([self._appends.task], timeout=SETTLE_TIMEOUT)
        if self._exact:  # it would go on sending what was given up
            await _bounded(self._producer._sender.close(), "sender")
        await _bounded(self._producer.stop(), "producer")
        await _bounded(self._inspector.stop(), "inspector")

    def append(
        self, topic: str, partition: int, entries: Sequence[Entry]
    ) -> asyncio.Future[list[int]]:
        """Append entries in their order; the future gives their offsets once they are durable.

        LogUnavailable after 4.5 s (the outcome is unknown), or at once when too much is queued.
        """
        return self._appends.append((topic, partition), entries)

    async def ensure_topics(
        self, prefix: str, topics: Iterable[Topic], partitions: int, *, embedded: bool = False
    ) -> None:
        """Make the first generation of the topics that have none. Raises LogUnavailable."""
        made = await administration.make_first(
            *(self.address, prefix, topics, partitions), embedded=embedded
        )
        await self.know(made)

    async def know(self, names: Iterable[str]) -> None:
        """Wait until the producer's own picture of the cluster has topics that were made just now.

        Raises LogUnavailable.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                for name in names:
                    await self._producer.partitions_for(name)
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"topics could not be made: {error}") from error

    async def partitions(self, topic: str) -> int | None:
        """The number of partitions of a topic, None where there is no such topic.

        Raises LogUnavailable.
        """
        return await administration.partitions(self.address, topic)

    async def end_offsets(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The offset after the last record of each partition. Raises LogUnavailable within 5 s."""
        places = [TopicPartition(topic, partition) for partition in partitions]
        try:
            async with asyncio.timeout(5):
                ends = await self._inspector.end_offsets(places)
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"the log does not answer: {error}") from error
        return {place.partition: offset for place, offset in ends.items()}

    def reader(self, group: str | None = None) -> "Reader":
        """A reader with a client of its own; `group` is where `mirror` leaves its offsets."""
        return Reader(self.address, group)

    async def read(
        self, topic: str, partition: int, offset: int, limit: int, wait: float = 2.0
    ) -> list[Record]:
        """Up to `limit` records of a partition from an offset on; fewer when there are no more."""
        reader = self.reader()
        try:
            end = (await self.end_offsets(topic, [partition]))[partition]
            limit = min(limit, max(0, end - offset))
            records: list[Record] = []
            if limit:
                await reader.start({(topic, partition): offset})
            deadline = monotonic() + wait
            while len(records) < limit and monotonic() < deadline:
                records += await reader.batch(limit - len(records), wait)
            return records
        finally:
            await reader.close()


Positions = Mapping[tuple[str, int], int]
"""Offsets by topic in Kafka and partition."""


def lane_of(record: Record) -> tuple[str, int]:
    """The topic and the partition that a record stands in."""
    return record.place.topic, record.place.partition


async def through(
    log: Log, positions: Positions, ends: Positions, limit: int, patience: float
) -> AsyncGenerator[list[Record]]:
    """All records from these positions up to these ends, in pages of at most `limit`.

    What was appended behind an end is left out. Raises LogUnavailable where the log is away, or has
    given no record for `patience` seconds, and OffsetLost.
    """
    at = {place: offset for place, offset in positions.items() if offset < ends[place]}
    if not at:
        return
    reader = log.reader()
    try:
        await reader.start(at)
        while any(offset < ends[place] for place, offset in at.items()):
            records = await reader.batch(limit, patience)
            if not records:
                raise LogUnavailable(f"the log gave no record for {patience:.0f} s")
            at |= {lane_of(record): record.place.offset + 1 for record in records}
            yield [each for each in records if each.place.offset < ends[lane_of(each)]]
    finally:
        await reader.close()


class Reader:
    """Reads the partitions it is told to, from the offsets it is told; belongs to no group."""

    def __init__(self, address: str, group: str | None) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=address,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=500,
            request_timeout_ms=10_000,
            retry_backoff_ms=100,
        )
        self._mirrors = group is not None

    async def start(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Connect, take these (topic, partition) and go to their offsets. Raises LogUnavailable."""
        places = {TopicPartition(*place): offset for place, offset in positions.items()}
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._consumer.start()
                self._consumer.assign(list(places))
                for place, offset in places.items():
                    self._consumer.seek(place, offset)
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"the log does not answer: {error}") from error

    async def batch(
        self, limit: int, wait: float, until: Positions = MappingProxyType({})
    ) -> list[Record]:
        """At most `limit` records, in order per partition; none after `wait` seconds without any.

        Where `until` has an offset, what stands there or later is left out. Raises OffsetLost where
        the log no longer has what comes next, LogUnavailable when away.
        """
        found = await self._fetched(limit, wait)
        return [
            Record(Place(topic, partition, record.offset), record.key, record.value)
            for (topic, partition), records in found.items()
            for record in _before(until.get((topic, partition)), records)
        ]

    async def originals(self, limit: int, wait: float) -> list[Original]:
        """The same with all that a copy needs."""
        found = await self._fetched(limit, wait)
        return [_original(record) for records in found.values() for record in records]

    async def _fetched(self, limit: int, wait: float) -> dict[Any, list[Any]]:
        try:
            found: dict[Any, list[Any]] = await self._consumer.getmany(
                timeout_ms=int(wait * 1000), max_records=limit
            )
        except OffsetOutOfRangeError as error:
            raise OffsetLost(f"the log no longer has the offsets asked for: {error}") from error
        except KafkaError as error:
            raise LogUnavailable(f"the log does not answer: {error}") from error
        return found

    async def mirror(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Leave the offsets with Kafka, for its own tools. Raises LogUnavailable."""
        if not self._mirrors or not positions:
            return
        try:
            async with asyncio.timeout(5):
                await self._consumer.commit(
                    {TopicPartition(*place): offset for place, offset in positions.items()}
                )
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"offsets were not mirrored: {error}") from error

    async def close(self) -> None:
        """Disconnect; never hangs, never raises for a log that is away."""
        await _bounded(self._consumer.stop(), "reader")


def _before(end: int | None, records: list[Any]) -> list[Any]:
    """Those of one partition that stand before an offset."""
    if end is None or not records or records[-1].offset < end:
        return records
    return [record for record in records if record.offset < end]


def _original(record: Any) -> Original:
    header = next((value for name, value in record.headers if name == ORIGIN), None)
    place = (record.partition, record.offset)
    return Original(*place, record.key, record.value, record.timestamp, Origin.read(header))


async def _bounded(closing: Awaitable[T], what: str) -> None:
    """Close a client in a task of its own: some hang or cancel themselves with no broker."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=CLOSE_TIMEOUT)
    if not task.done():
        task.cancel()
        _logger.warning("the %s did not close within %s s", what, CLOSE_TIMEOUT)
    elif not task.cancelled() and task.exception() is not None:
        _logger.warning("the %s did not close cleanly: %r", what, task.exception())
