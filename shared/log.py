"""The only place that speaks Kafka: append and know it is durable, read an assigned partition."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code

from shared.clock import monotonic
from shared.errors import Fatal, LogUnavailable, OffsetLost
from shared.failpoints import failpoint
from shared.messages import CONTENT_TYPE, Entry, Place, Record

T = TypeVar("T")

SETTLE_TIMEOUT = 4.5
"""Seconds after which an append is answered as unsettled."""

REQUEST_TIMEOUT = 4.0
"""Seconds the client itself tries before it gives an append up."""

CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 3.0
MAX_QUEUED_BYTES = 64 * 1024 * 1024
MAX_RECORD_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 1024 * 1024

_HEADERS = [("content-type", CONTENT_TYPE.encode())]
_logger = logging.getLogger("rapport.log")


class Topic(NamedTuple):
    """A topic as its owner wants it. Kept for ever; the largest record in bytes."""

    name: str
    max_bytes: int = 1024 * 1024


def topic_name(prefix: str, name: str, generation: int) -> str:
    """The name in Kafka: `interactions.1`, with the deployment's prefix in front."""
    return f"{prefix}{name}.{generation}"


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the low 32 bits of its UUID, which is a uniform hash already."""
    return int(key[-8:], 16) % partitions


class Log:
    """A connection to Kafka; appends are coalesced per partition while one is under way."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._producer = AIOKafkaProducer(
            bootstrap_servers=address,
            acks="all",
            enable_idempotence=False,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES + 65536,
            request_timeout_ms=int(REQUEST_TIMEOUT * 1000),
            retry_backoff_ms=100,
        )
        self._inspector = AIOKafkaConsumer(
            bootstrap_servers=address, enable_auto_commit=False, request_timeout_ms=5000
        )
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self.queued_bytes = 0

    @classmethod
    async def connect(cls, address: str) -> "Log":
        """Connect. Raises Fatal where no broker answers within 10 s."""
        log = cls(address)
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

    async def close(self) -> None:
        """Settle what is queued, then disconnect; never longer than a few seconds."""
        lanes = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if lanes:
            await asyncio.wait(lanes, timeout=SETTLE_TIMEOUT)
        await _bounded(self._producer.stop(), "producer")
        await _bounded(self._inspector.stop(), "inspector")

    def append(
        self, topic: str, partition: int, entries: Sequence[Entry]
    ) -> asyncio.Future[list[int]]:
        """Append entries in their order; the future gives their offsets once they are durable.

        LogUnavailable after 4.5 s (the outcome is unknown), or at once when too much is queued.
        """
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[(topic, partition)] = _Lane(self, topic, partition)
        return lane.append(entries)

    async def ensure_topics(
        self, prefix: str, topics: Iterable[Topic], partitions: int, *, embedded: bool = False
    ) -> None:
        """Make the first generation of the topics that are not there yet. Raises LogUnavailable."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=10_000)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT * 3):
                await admin.start()
                there = set(await admin.list_topics())
                brokers = len((await admin.describe_cluster())["brokers"])
                wanted = [
                    _new_topic(prefix, topic, partitions, brokers, embedded)
                    for topic in topics
                    if topic_name(prefix, topic.name, 1) not in there
                ]
                if wanted:
                    _raise_for(await admin.create_topics(wanted, timeout_ms=10_000))
                await self._known(new.name for new in wanted)
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"topics could not be made: {error}") from error
        finally:
            await _bounded(admin.close(), "admin")

    async def _known(self, names: Iterable[str]) -> None:
        """Wait until the producer's own picture of the cluster has the topics."""
        for name in names:
            await self._producer.partitions_for(name)

    async def partitions(self, topic: str) -> int | None:
        """The number of partitions of a topic, None where there is no such topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=5000)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await admin.start()
                if topic not in await admin.list_topics():
                    return None
                described = await admin.describe_topics([topic])
                return len(described[0]["partitions"])
        except (OSError, TimeoutError, KafkaError) as error:
            raise LogUnavailable(f"the log does not answer: {error}") from error
        finally:
            await _bounded(admin.close(), "admin")

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

    async def batch(self, limit: int, wait: float) -> list[Record]:
        """At most `limit` records, in order per partition; none after `wait` seconds without any.

        Raises OffsetLost where the log no longer has what comes next, LogUnavailable when away.
        """
        try:
            found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
        except OffsetOutOfRangeError as error:
            raise OffsetLost(f"the log no longer has the offsets asked for: {error}") from error
        except KafkaError as error:
            raise LogUnavailable(f"the log does not answer: {error}") from error
        return [
            Record(Place(record.topic, record.partition, record.offset), record.key, record.value)
            for records in found.values()
            for record in records
        ]

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


class _Lane:
    """The appends of one partition: while one is under way, the next ones gather."""

    def __init__(self, log: Log, topic: str, partition: int) -> None:
        self._log = log
        self._topic = topic
        self._partition = partition
        self._waiting: deque[_Request] = deque()
        self.task: asyncio.Task[None] | None = None

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[list[int]]:
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        size = sum(len(entry.value) for entry in entries)
        if self._log.queued_bytes + size > MAX_QUEUED_BYTES:
            future.set_exception(LogUnavailable("too much is waiting for the log"))
            return future
        self._log.queued_bytes += size
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
        builder = self._log._producer.create_batch()
        for request in requests:
            for entry in request.entries:
                if not _add(builder, entry):
                    offsets += await self._send_batch(builder)
                    builder = self._log._producer.create_batch()
                    if not _add(builder, entry):
                        raise LogUnavailable("a record does not fit into a batch")
        return offsets + list(await self._send_batch(builder))

    async def _send_batch(self, builder: object) -> range:
        count: int = builder.record_count()  # type: ignore[attr-defined]
        settled = await self._log._producer.send_batch(
            builder, self._topic, partition=self._partition
        )
        failpoint("append.sending")
        first: int = (await settled).offset
        failpoint("append.settled")
        return range(first, first + count)

    def _settle(self, requests: Sequence["_Request"], offsets: list[int]) -> None:
        start = 0
        for request in requests:
            end = start + len(request.entries)
            self._log.queued_bytes -= request.size
            if not request.future.done():
                request.future.set_result(offsets[start:end])
            start = end

    def _fail(self, requests: Sequence["_Request"], error: Exception) -> None:
        _logger.warning("append to %s/%d not settled: %r", self._topic, self._partition, error)
        for request in requests:
            self._log.queued_bytes -= request.size
            if not request.future.done():
                request.future.set_exception(
                    LogUnavailable(f"the append was not settled: {error!r}")
                )


class _Request(NamedTuple):
    entries: Sequence[Entry]
    future: asyncio.Future[list[int]]
    size: int


def _add(builder: object, entry: Entry) -> bool:
    added = builder.append(  # type: ignore[attr-defined]
        timestamp=None, key=entry.key, value=entry.value, headers=_HEADERS
    )
    return added is not None


def topic_settings(topic: Topic, replicas: int, *, embedded: bool) -> dict[str, str]:
    """What Kafka is told of a topic when it is made."""
    settings = {
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
        "max.message.bytes": str(topic.max_bytes),
        "min.insync.replicas": str(max(1, replicas - 1)),
    }
    if embedded:
        settings["flush.messages"] = "1"  # one node: a 2xx survives a power cut only when flushed
    return settings


def replicas_of(brokers: int) -> int:
    """How many copies of a record there are."""
    return min(3, brokers)


def _new_topic(
    prefix: str, topic: Topic, partitions: int, brokers: int, embedded: bool
) -> NewTopic:
    replicas = replicas_of(brokers)
    settings = topic_settings(topic, replicas, embedded=embedded)
    return NewTopic(topic_name(prefix, topic.name, 1), partitions, replicas, topic_configs=settings)


def _raise_for(response: object) -> None:
    for name, code, *rest in response.topic_errors:  # type: ignore[attr-defined]
        error = for_code(code)
        if code and error.__name__ != "TopicAlreadyExistsError":
            raise error(f"{name}: {rest[0] if rest else ''}")


async def _bounded(closing: Awaitable[T], what: str) -> None:
    """Close a client in a task of its own: some hang or cancel themselves with no broker."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=CLOSE_TIMEOUT)
    if not task.done():
        task.cancel()
        _logger.warning("the %s did not close within %s s", what, CLOSE_TIMEOUT)
    elif not task.cancelled() and task.exception() is not None:
        _logger.warning("the %s did not close cleanly: %r", what, task.exception())
