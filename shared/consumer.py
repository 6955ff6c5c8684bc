"""A consumer: one partition number over all topics of a view, from the log into one schema."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from shared.clock import monotonic
from shared.database import Pool
from shared.errors import Fatal, LogUnavailable, OffsetLost
from shared.folder import Batch, Folder, Prepared
from shared.leases import Lease, LeaseLost
from shared.log import Log, Reader
from shared.outcomes import Halt, Ok, Outcome, Retry, backoff, describe
from shared.projection import Event, View
from shared.schemas import Schema
from shared.tasks import end, finished

_logger = logging.getLogger("rapport.consumer")


Targets = Mapping[tuple[str, int], int]
"""Offsets by topic in Kafka and partition: nothing at or after them is folded."""


@dataclass(frozen=True)
class Pace:
    """Bounds of the runtime, in seconds unless said otherwise."""

    lease: float = 10.0
    batch: int = 3000  # records
    wait: float = 0.5  # for a record, before looking around
    few: int = 100  # records that are too few to be worth a transaction at once
    linger: float = 0.04  # for more of them
    round: float = 0.01  # for an answer of the log, which sends no more before a first one is taken
    tick: float = 1.0  # between heartbeats at most, and between looks at requests
    survey: float = 5.0  # between looks at the ends of the log
    mirror: float = 5.0  # between offsets left with Kafka
    watchdog: float = 60.0  # without progress, although there are records
    grace: float = 15.0  # for batches in hand at the end
    rate: float | None = None  # records per second of each partition, at most

    @property
    def most(self) -> int:
        """Records in a batch: no more than a second's, where there is a rate."""
        return self.batch if self.rate is None else min(self.batch, max(1, int(self.rate)))

    @property
    def beat(self) -> float:
        """Between heartbeats: at least three in the time of a lease."""
        return min(self.tick, self.lease / 3)


class Consumer:
    """Reads ahead by one batch while the present one is written; ends when told, or halted."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        view: View,
        schema: Schema,
        lease: Lease,
        pace: Pace,
        *,
        until: Targets | None = None,
    ) -> None:
        self._pool = pool
        self._log = log
        self._pace = pace
        self._until = until
        self._group = f"rapport.{schema.name}"
        self.lease = lease
        self.partition = int(lease.unit.rpartition("/")[2])
        self._stopping = asyncio.Event()
        self.folder = Folder(
            *(pool, view, schema, self.partition, lease.epoch),
            lease_seconds=lease.seconds,
            stopping=self._stopping,
        )
        self._session: asyncio.Task[None] | None = None
        self._mirroring: asyncio.Task[None] | None = None
        self._mirrored: dict[tuple[str, int], int] | None = {}
        self._mirrored_at = 0.0
        self._looked_at = 0.0
        self._trouble: Outcome = Ok()
        self.oldest: str | None = (
            None  # recordedtime of the first event that is not in the view yet
        )

    @property
    def outcome(self) -> Outcome:
        """How the partition fares: ok, retry, halt (and park, between failing and being parked)."""
        return self._trouble if not isinstance(self._trouble, Ok) else self.folder.outcome

    @property
    def working(self) -> bool:
        """Whether it should be moving: neither waiting for the database or the log, nor halted."""
        return not (self.done or isinstance(self.outcome, Retry | Halt))

    @property
    def done(self) -> bool:
        """Whether it has come as far as it was told to."""
        until = self._until
        return until is not None and all(
            offset >= until[place] for place, offset in self._places().items()
        )

    @property
    def positions(self) -> Mapping[str, int]:
        """The next offsets in the view, by topic in Kafka."""
        return self.folder.at.positions

    def stop(self) -> None:
        """End after the batch in hand."""
        self._stopping.set()

    def restart_reading(self) -> None:
        """Throw the reader away and make a new one."""
        if self._session is not None:
            self._session.cancel()

    async def run(self) -> None:
        """Fold until stopped or halted. Raises LeaseLost where the partition is another's now."""
        tries = 0
        while not self._stopping.is_set() and not isinstance(self.outcome, Halt):
            folded = self.folder.at.folded
            try:
                await self._one_session()
                self._trouble = Ok()
            except (LeaseLost, Fatal):
                raise
            except OffsetLost as error:
                self._trouble = Halt(describe(error))
                await self.folder.say_halted(self._trouble)
            except Exception as error:
                tries = 0 if self.folder.at.folded > folded else tries + 1
                await self._hold(error, tries)

    async def _one_session(self) -> None:
        """Fold with one reader, in a task that the watchdog can end."""
        self._session = session = asyncio.create_task(self._fold_on())
        try:
            await asyncio.wait([session])
        finally:
            await end(session)
        if session.cancelled():
            _logger.warning("reading %s anew", self.folder.at.label)
        else:
            session.result()

    async def _hold(self, error: Exception, tries: int) -> None:
        """Wait before the next session."""
        self._trouble = Retry(describe(error))
        if tries <= 1:
            _logger.warning("holding %s: %s", self.folder.at.label, describe(error))
        try:
            async with asyncio.timeout(backoff(tries)):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _fold_on(self) -> None:
        await self.folder.take_over()
        reader = self._log.reader(self._group)
        try:
            await finished(reader.start(self._places()))
            self._trouble = Ok()
            await self._flow(reader)
            await self._mirror(reader)
        finally:
            await self._close(reader)

    async def _flow(self, reader: Reader) -> None:
        """Write one batch while the next is read and worked on."""
        batch = await self._next(reader)
        while not self._stopping.is_set():
            ahead = asyncio.create_task(self._next(reader))
            try:
                if not isinstance(await self._write(batch), Ok):
                    return
                await self._look_around(reader)
                batch = await ahead
            finally:
                await end(ahead)

    async def _next(self, reader: Reader) -> Batch:
        """The next records, as far as they can be worked on before their turn.

        A transaction costs much and an event in it little: when there are few, those that follow
        within a moment come along.
        """
        if self.done:
            await asyncio.sleep(self._pace.wait)
            return []
        until = self._until or {}
        records = await reader.batch(self._pace.most, self._pace.wait, until)
        few = min(self._pace.few, self._pace.most)
        if 0 < len(records) < few:
            await asyncio.sleep(self._pace.linger)
            for wait in (0, self._pace.round):
                if len(records) < few:
                    records += await reader.batch(self._pace.most - len(records), wait, until)
        return await self.folder.ahead(records)

    async def _write(self, batch: Batch) -> Ok | Retry | Halt:
        if not batch:
            return Ok()
        first = None if isinstance(batch, Prepared) else batch[0]
        self.oldest = first.envelope.recordedtime if isinstance(first, Event) else None
        outcome = await self.folder.write(batch)
        if isinstance(outcome, Ok):
            self.oldest = None
            await self._rest(len(batch))
        return outcome

    async def _rest(self, records: int) -> None:
        """Go no faster than told."""
        if self._pace.rate:
            async with asyncio.timeout(None) as resting:
                resting.reschedule(asyncio.get_running_loop().time() + records / self._pace.rate)
                await self._stopping.wait()

    async def _look_around(self, reader: Reader) -> None:
        """Now and then: carry out requests, leave the offsets with Kafka."""
        now = monotonic()
        if now - self._looked_at >= self._pace.tick:
            self._looked_at = now
            await self._answer_requests()
        if now - self._mirrored_at >= self._pace.mirror and _done(self._mirroring):
            self._mirrored_at = now
            self._mirroring = asyncio.create_task(self._mirror(reader))

    async def _mirror(self, reader: Reader) -> None:
        """Leave the offsets with Kafka, if they have moved; a failure is said once."""
        places = self._places()
        if places == self._mirrored:
            return
        try:
            await reader.mirror(places)
            self._mirrored = places
        except LogUnavailable as error:
            if self._mirrored is not None:
                _logger.warning("%s: %s", self.folder.at.label, error)
            self._mirrored = None

    async def _close(self, reader: Reader) -> None:
        if self._mirroring is not None:
            self._mirroring.cancel()
        await reader.close()

    def _places(self) -> dict[tuple[str, int], int]:
        return {(name, self.partition): offset for name, offset in self.positions.items()}

    async def _answer_requests(self) -> None:
        try:
            await self.folder.answer_requests()
        except LeaseLost:
            raise
        except Exception as error:  # they stay requested; the next look finds them
            _logger.warning("requests of %s: %s", self.folder.at.label, describe(error))


def _done(task: asyncio.Task[None] | None) -> bool:
    return task is None or task.done()
