"""Where Kafka is spoken to: append and know it is durable; `reader` reads assigned partitions."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from shared import administration
from shared.appends import SETTLE_TIMEOUT as SETTLE_TIMEOUT
from shared.appends import Appends
from shared.appends import Copied as Copied
from shared.appends import Origin as Origin
from shared.clock import monotonic
from shared.errors import Fatal, LogUnavailable
from shared.messages import Entry, Record
from shared.reader import Original as Original
from shared.reader import Positions as Positions
from shared.reader import Reader as Reader
from shared.reader import bounded
from shared.topics import Topic as Topic
from shared.topics import topic_name as topic_name

REQUEST_TIMEOUT = 4.0
"""Seconds the client itself tries before it gives an append up."""

CONNECT_TIMEOUT = 10.0
MAX_RECORD_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 1024 * 1024

_logger = logging.getLogger("rapport.log")


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the low 32 bits of its UUID, which is a uniform hash already."""
    return int(key[-8:], 16) % partitions


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
            await bounded(self._producer._sender.close(), "sender")
        await bounded(self._producer.stop(), "producer")
        await bounded(self._inspector.stop(), "inspector")

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
