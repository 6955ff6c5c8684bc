"""A worker: holds its fair share of a view schema's units, and folds, resolves and watches them."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from shared.clock import monotonic
from shared.consumer import Consumer, Pace, Targets
from shared.database import Pool
from shared.ids import random_token
from shared.leases import PARTITION, Lease, LeaseLost, Leases, Single, partition_unit, register
from shared.log import Log
from shared.outcomes import Halt, Outcome, describe
from shared.projection import View
from shared.schemas import Schema, is_live
from shared.singles import SingleRunner
from shared.status import PartitionStatus, partition_status, seconds_since
from shared.tasks import cancelled_by_others_only
from shared.watchdog import Watchdog

CANCEL_TIMEOUT = 4.0
LEAVE_TIMEOUT = 3.0
BEAT_TIMEOUT = 5.0
LOOK_TIMEOUT = 20.0

_logger = logging.getLogger("rapport.worker")


def worker_name() -> str:
    """A name that no other worker has."""
    return f"{socket.gethostname()}/{os.getpid()}/{random_token(3).hex()}"


class Runner(Protocol):
    """What works on a unit: a consumer, or a single one."""

    lease: Lease

    @property
    def outcome(self) -> Outcome: ...
    def stop(self) -> None: ...
    async def run(self) -> None: ...


class Worker:
    """Works on one view schema until stopped; cancelled instead, it lets its leases expire."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        view: View,
        schema: Schema,
        singles: Sequence[Single] = (),
        *,
        prefix: str = "",
        pace: Pace | None = None,
        name: str | None = None,
        until: Targets | None = None,
    ) -> None:
        self._pool = pool
        self._log = log
        self._view = view
        self._singles = {single.name: single for single in (*view.singles, *singles)}
        self._prefix = prefix
        self._pace = pace or Pace()
        self.schema = schema
        self._until = until
        self.name = name or worker_name()
        self._stopping = asyncio.Event()
        self._registered = False
        self._refused: set[str] = set()
        self._work: dict[str, tuple[Runner, asyncio.Task[None]]] = {}
        self._watchdogs: dict[int, Watchdog] = {}
        self._survey: list[PartitionStatus] = []

    @property
    def alive(self) -> bool:
        """False where only a new start of the process helps."""
        return all(self._watchdogs[consumer.partition].alive for consumer in self.consumers)

    @property
    def consumers(self) -> list[Consumer]:
        """The partitions that are folded here now."""
        return [runner for runner, _ in self._work.values() if isinstance(runner, Consumer)]

    @property
    def units(self) -> list[str]:
        """The names of the units that are worked on here now."""
        return sorted(self._work)

    def status(self) -> list[PartitionStatus]:
        """The latest look at every partition, with what is known here about our own."""
        ours = {consumer.partition: consumer for consumer in self.consumers}
        return [
            _overlaid(row, ours[row.partition]) if row.partition in ours else row
            for row in self._survey
        ]

    def stop(self) -> None:
        """End after the batches in hand; `run` returns within 25 s, whatever hangs."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        leases = Leases(self._pool, self.schema.name, self.name, self._pace.lease)
        loops = [
            asyncio.create_task(self._every(seconds, limit, look))
            for seconds, limit, look in (
                (self._pace.beat, BEAT_TIMEOUT, partial(self._beat, leases)),
                (self._pace.survey, LOOK_TIMEOUT, self._look),
            )
        ]
        try:
            await self._stopping.wait()
            await self._leave(leases)
        finally:
            await _cancel([*loops, *(task for _, task in self._work.values())])

    async def _every(
        self, seconds: float, limit: float, look: Callable[[], Awaitable[object]]
    ) -> None:
        """Repeat; a failure is said once until it works again, and never ends the loop."""
        failing = False
        while True:
            try:
                with cancelled_by_others_only():
                    async with asyncio.timeout(limit):
                        await look()
                failing = False
            except Exception as error:
                if not failing:
                    _logger.warning("%s: %s", self.name, describe(error))
                failing = True
            await asyncio.sleep(seconds)

    async def _beat(self, leases: Leases) -> None:
        """One heartbeat: renew, then move towards our share; only renew once we are leaving."""
        if self._stopping.is_set():
            await leases.renew()
            return
        try:
            change = await leases.beat(await self._wanted(), self._refused)
        finally:
            self._follow(leases)  # also where the heartbeat failed half way
        for lease in change.surplus:
            if lease.unit in self._work:
                self._work[lease.unit][0].stop()

    def _follow(self, leases: Leases) -> None:
        """Work on exactly what is held: cancel what was lost, begin what was gained."""
        for unit, (runner, task) in [*self._work.items()]:
            if leases.held.get(unit) != runner.lease and not task.cancelling():
                _logger.warning("%s lost %s of %s", self.name, unit, runner.lease.schema)
                task.cancel()
        for unit, lease in [*leases.held.items()]:
            if unit not in self._work or self._work[unit][0].lease != lease:
                self._begin(leases, lease)

    async def _wanted(self) -> list[str]:
        names = [partition_unit(n) for n in range(self.schema.partitions)]
        if not self._singles:
            return names
        async with self._pool.acquire(timeout=BEAT_TIMEOUT) as connection:
            live = await is_live(connection, self._view.service, self.schema.name)
            if not self._registered:
                await register(connection, self.schema.name, self._singles)
                self._registered = True
        return names + [
            single.name for single in self._singles.values() if live or not single.live_only
        ]

    def _begin(self, leases: Leases, lease: Lease) -> None:
        runner: Runner
        if lease.unit.startswith(PARTITION):
            runner = Consumer(
                *(self._pool, self._log, self._view, self.schema, lease, self._pace),
                until=self._until,
            )
            self._watchdogs[runner.partition] = Watchdog(self._pace.watchdog)
        else:
            runner = SingleRunner(self._pool, self._singles[lease.unit], lease)
        self._work[lease.unit] = runner, asyncio.create_task(self._work_on(leases, runner))

    async def _work_on(self, leases: Leases, runner: Runner) -> None:
        """Work on a unit, then give it up; one that halted is not taken again by this process."""
        try:
            with cancelled_by_others_only():
                await runner.run()
        except LeaseLost as error:
            _logger.warning("%s: %s", self.name, error)
        except Exception:
            _logger.exception("%s failed on %s", self.name, runner.lease.unit)
        finally:
            if self._work.get(runner.lease.unit, (None,))[0] is runner:
                del self._work[runner.lease.unit]
        if isinstance(runner.outcome, Halt):
            self._refused.add(runner.lease.unit)
        try:
            await leases.release(runner.lease)
        except Exception as error:  # it expires by itself
            _logger.warning("%s was not released: %s", runner.lease.unit, describe(error))

    async def _look(self) -> None:
        """See how far all partitions are, and whether our own readers move."""
        self._survey = await partition_status(
            self._pool, self._log, self.schema.name, self._prefix, ages=False
        )
        for consumer in self.consumers:
            watchdog = self._watchdogs[consumer.partition]
            if not consumer.working:
                watchdog.hold()
            elif watchdog.stuck(consumer.positions, self._ends(consumer), monotonic()):
                _logger.error("%s: %s stands still", self.name, consumer.lease.unit)
                consumer.restart_reading()

    def _ends(self, consumer: Consumer) -> dict[str, int]:
        return {
            row.topic: row.end
            for row in self._survey
            if row.partition == consumer.partition and row.end is not None
        }

    async def _leave(self, leases: Leases) -> None:
        """Finish the batches in hand, then give all units up so that others take over at once."""
        tasks = [task for _, task in self._work.values()]
        for runner, _ in self._work.values():
            runner.stop()
        if tasks:
            _, hanging = await asyncio.wait(tasks, timeout=self._pace.grace)
            await _cancel(hanging)
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await leases.leave()
        except Exception as error:  # they expire by themselves
            _logger.warning("%s could not give its leases up: %s", self.name, describe(error))


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel and wait a bounded time; what still hangs then is left behind."""
    waiting = [*tasks]
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.wait(waiting, timeout=CANCEL_TIMEOUT)


def _overlaid(row: PartitionStatus, consumer: Consumer) -> PartitionStatus:
    """A row of the latest look with what the consumer itself knows now."""
    position = max(consumer.positions.get(row.topic, 0), row.next_offset)
    lag = max(0, row.end - position) if row.end is not None else None
    oldest = consumer.oldest
    return replace(
        row,
        next_offset=position,
        lag=lag,
        lag_seconds=0.0 if lag == 0 else seconds_since(oldest) if oldest else None,
        outcome=type(consumer.outcome).__name__.lower(),
        reason=" ".join(consumer.outcome),
        owner=consumer.lease.owner,
    )
