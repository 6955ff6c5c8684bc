"""A service's workers in one process: one for each schema that the services of its version fold."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from shared.consumer import Consumer, Pace
from shared.database import Pool
from shared.duties import Duty, duties
from shared.errors import Fatal
from shared.leases import Single
from shared.log import Log
from shared.outcomes import backoff, describe
from shared.projection import View
from shared.promotion import Promotion
from shared.schemas import Progress, Schema, load, prepare
from shared.status import PartitionStatus
from shared.tasks import cancelled_by_others_only, end
from shared.worker import Worker, worker_name

LOOK_TIMEOUT = 20.0

Prepare = Callable[[Pool, Log, View, str], Coroutine[Any, Any, Schema]]
"""Finds the schema of a view, or makes it."""

_logger = logging.getLogger("rapport.crew")


class Crew:
    """Works on the schema that serves, on one that is to serve next, on one that served lately.

    Which these are is looked up every second, so a switch needs no new start.
    """

    def __init__(
        self,
        pool: Pool,
        log: Log,
        view: View,
        singles: Sequence[Single] = (),
        *,
        prefix: str = "",
        pace: Pace | None = None,
        schema: Schema | None = None,
        name: str | None = None,
        prepare: Prepare = prepare,
    ) -> None:
        self._pool = pool
        self._log = log
        self._view = view
        self._singles = singles
        self._prefix = prefix
        self._pace = pace or Pace()
        self.schema = schema
        self._prepare = prepare
        self.name = name or worker_name()
        self._stopping = asyncio.Event()
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.serving: set[str] = set()
        self._rising: dict[str, Promotion] = {}

    @property
    def workers(self) -> list[Worker]:
        """Those at work, by schema."""
        return [self._workers[name] for name in sorted(self._workers)]

    @property
    def alive(self) -> bool:
        """False where only a new start of the process helps."""
        return all(worker.alive for worker in self.workers)

    @property
    def consumers(self) -> list[Consumer]:
        """The partitions that are folded here now."""
        return [consumer for worker in self.workers for consumer in worker.consumers]

    @property
    def units(self) -> list[str]:
        """The names of the units that are worked on here now."""
        return [unit for worker in self.workers for unit in worker.units]

    def status(self) -> list[PartitionStatus]:
        """The latest look at the partitions of our own schema."""
        mine = self._workers.get(self.schema.name) if self.schema else None
        return mine.status() if mine else []

    def progress(self) -> Progress:
        """How far our own schema has come, for the banner and the 503 of one being built."""
        rows = self.status()
        return Progress(
            sum(row.next_offset for row in rows),
            sum(row.next_offset if row.end is None else row.end for row in rows),
        )

    def stop(self) -> None:
        """End after the batches in hand; `run` returns within 25 s, whatever hangs."""
        self._stopping.set()
        for worker in self.workers:
            worker.stop()

    async def run(self) -> None:
        """Work until stopped. Raises Fatal where the topics are not as they were recorded."""
        if await self._prepared() is None:
            return
        try:
            failing = False
            while not self._stopping.is_set():
                failing = not await self._look(silent=failing)
                await self._sleep(self._pace.tick)
            await self._stopped()
        finally:
            for task in self._tasks.values():
                await end(task)

    async def _prepared(self) -> Schema | None:
        """The schema of this code; waits for a database or a log that is away."""
        tries = 0
        while self.schema is None and not self._stopping.is_set():
            try:
                self.schema = await self._until_stopped(
                    self._prepare(self._pool, self._log, self._view, self._prefix)
                )
            except Fatal:
                raise
            except Exception as error:
                if tries == 0:
                    _logger.warning("%s waits: %s", self._view.service, describe(error))
                await self._sleep(backoff(tries))
                tries += 1
        return self.schema

    async def _until_stopped(self, work: Coroutine[Any, Any, Schema]) -> Schema | None:
        """Its result; None where this is stopped before."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            stopping.cancel()
            await end(working)

    async def _look(self, *, silent: bool) -> bool:
        """Begin and end workers as wanted, and let rise what has caught up; False where it failed.

        A failure is said once until it works again; that of a worker ends everything.
        """
        for task in self._tasks.values():
            if task.done():
                task.result()
        try:
            with cancelled_by_others_only():
                async with asyncio.timeout(LOOK_TIMEOUT):
                    await self._look_around()
        except Exception as error:
            if not silent:
                _logger.warning("%s: %s", self.name, describe(error))
            return False
        return True

    async def _look_around(self) -> None:
        wanted = await duties(self._pool, self._view)
        self.serving = {duty.schema for duty in wanted if duty.live}
        await self._begin(wanted)
        await self._end({duty.schema for duty in wanted})
        await self._raise({duty.schema for duty in wanted if duty.rising})

    async def _begin(self, wanted: Sequence[Duty]) -> None:
        for duty in wanted:
            if duty.schema not in self._workers:
                schema = await load(self._pool, duty.schema, self._prefix)
                worker = self._workers[duty.schema] = Worker(
                    *(self._pool, self._log, self._view, schema, self._singles),
                    prefix=self._prefix,
                    pace=self._pace,
                    name=self.name,
                )
                self._tasks[duty.schema] = asyncio.create_task(worker.run())

    async def _end(self, wanted: set[str]) -> None:
        """Let go of what is wanted no longer: it stood by long enough, or was dropped."""
        for name in self._workers.keys() - wanted:
            self._workers[name].stop()
            if self._tasks[name].done():
                del self._workers[name], self._tasks[name]

    async def _raise(self, rising: set[str]) -> None:
        self._rising = {name: step for name, step in self._rising.items() if name in rising}
        for name in rising & self._workers.keys():
            schema = self._workers[name].schema
            promotion = self._rising.setdefault(
                name, Promotion(self._pool, self._log, self._view, schema)
            )
            await promotion.step()

    async def _stopped(self) -> None:
        for worker in self.workers:
            worker.stop()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
