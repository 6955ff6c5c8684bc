"""The fold step: a batch of one partition into one view schema, checkpoint and rows together."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.answering import PATIENCE, Answering
from shared.answering import Item as Item
from shared.checkpoints import Checkpoint, Move, transaction
from shared.counting import FOLDED, PARKED
from shared.database import Connection, Pool
from shared.errors import Fatal
from shared.failpoints import failpoint
from shared.leases import LeaseLost
from shared.messages import Record
from shared.outcomes import Halt, Ok, Outcome, Park, Retry, Tally, backoff, classify, describe
from shared.parking import BEHIND, Culprit, culprit, park, parked_subjects
from shared.projection import Event, View
from shared.schemas import Schema
from shared.telemetry import trail

SLICE = 200
"""Records decoded in one go, before others of this process have their turn."""

_logger = logging.getLogger("rapport.folder")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Records, and what the view has made of them before their turn."""

    records: Sequence[Record]
    rows: Any

    def __len__(self) -> int:
        return len(self.records)


Batch = Sequence[Item] | Prepared
"""In the order of the log."""


class Plan(NamedTuple):
    """What one transaction does with a batch; `halt` says why it stops before the rest of it."""

    records: Sequence[Record]
    good: int  # events that are folded
    culprits: Sequence[tuple[Culprit, int]]
    tally: Tally
    halt: str | None


class Folder:
    """Folds one partition into one schema, as long as `epoch` stands in its checkpoints."""

    def __init__(
        self,
        pool: Pool,
        view: View,
        schema: Schema,
        partition: int,
        epoch: int,
        *,
        lease_seconds: float = 10.0,
        stopping: asyncio.Event | None = None,
    ) -> None:
        self._pool = pool
        self._view = view
        self._schema = schema.name
        self.stopping = stopping or asyncio.Event()
        self.at = Checkpoint(schema, partition, epoch, lease_seconds)
        self._answering = Answering(pool, view, self.at, self.decode, self.stopping)
        self.outcome: Outcome = Ok()
        self.good_events = 0
        self.parked_events = 0

    async def take_over(self) -> None:
        """Make the partition ours. Raises LeaseLost where a later holder has been here already."""
        async with asyncio.timeout(PATIENCE):
            await self.at.take_over(self._pool)

    async def decode(self, records: Sequence[Record]) -> list[Item]:
        """What the view reads in the records; gives way to others now and then."""
        items: list[Item] = []
        decode = self._view.decode
        for start in range(0, len(records), SLICE):
            for record in records[start : start + SLICE]:
                try:
                    items.append(decode(record))
                except Exception as error:
                    items.append(culprit(record, "undecodable", describe(error)))
            await asyncio.sleep(0)
        return items

    async def ahead(self, records: Sequence[Record]) -> Batch:
        """A batch, worked on as far as it can be before its turn to be written."""
        if self._view.ahead is not None and not self._view.ordered and records:
            try:
                return Prepared(records, await self._view.ahead.prepare(records))
            except Exception as error:
                _logger.debug("one by one: %s", describe(error))
        return await self.decode(records)

    async def fold(self, records: Sequence[Record]) -> Ok | Retry | Halt:
        """Work ahead and write; see `write`."""
        return await self.write(await self.ahead(records))

    async def write(self, batch: Batch) -> Ok | Retry | Halt:
        """Bring a batch into the view: all of it, or what stands before the culprit that halts us.

        Holds while the database is away, and answers Retry only when told to stop meanwhile. Raises
        LeaseLost where the partition is no longer ours: then nothing more is written.
        """
        pieces: list[Batch] = [batch]
        tries = 0
        while pieces:
            piece = pieces.pop()
            self.outcome = outcome = await self._try(piece, resume=tries > 0)
            if isinstance(outcome, Halt):
                await self.say_halted(outcome)
                return outcome
            if isinstance(outcome, Retry):
                pieces.append(piece)
                if await self._hold(outcome, tries):
                    return outcome
            elif isinstance(outcome, Park):
                pieces += reversed(await self._easier(piece, outcome))
            tries = tries + 1 if isinstance(outcome, Retry) else 0
        return Ok()

    async def answer_requests(self) -> None:
        """Carry out the retries and discards that somebody asked for in this partition."""
        await self._answering.answer()

    async def _try(self, batch: Batch, *, resume: bool) -> Outcome:
        """One transaction, once."""
        try:
            async with asyncio.timeout(PATIENCE), transaction(self._pool) as connection:
                if resume:
                    await self.at.resume(connection)
                plan, moves = await self._write_once(connection, batch)
                failpoint("fold.written")
            failpoint("fold.committed")
        except (LeaseLost, Fatal):
            raise
        except Exception as error:
            outcome = classify(error)
            if isinstance(outcome, Park) and len(batch) == 1 and _has_culprit(batch):
                return Halt(f"an event can neither be folded nor parked: {outcome.error}")
            return outcome
        self._note(plan, moves)
        return Halt(plan.halt) if plan.halt else Ok()

    async def _write_once(
        self, connection: Connection, batch: Batch
    ) -> tuple[Plan, dict[str, Move]]:
        await self.at.lock(connection)
        plan = await self._as_prepared(connection, batch)
        if plan is None:
            plan = await self._fold(connection, self._unfolded(await self._items(batch)))
        if plan.culprits:
            await park(connection, self._schema, plan.culprits)
        if plan.records and (plan.tally != self.at.tally or self.at.halted):
            await self.at.save_failures(connection, plan.tally, None)
        moves = _moves(plan.records)
        await self.at.move(connection, moves)
        return plan, moves

    async def _as_prepared(self, connection: Connection, batch: Batch) -> Plan | None:
        """Write a batch as it was prepared; None where that is not what is to be written now."""
        if not isinstance(batch, Prepared) or self._view.ahead is None:
            return None
        if self.at.discards or not self._is_unfolded(batch.records):
            return None
        if not await self._view.ahead.write(connection, self._schema, batch.rows):
            return None
        return Plan(batch.records, len(batch), (), self.at.tally.good(), None)

    async def _items(self, batch: Batch) -> Sequence[Item]:
        return await self.decode(batch.records) if isinstance(batch, Prepared) else batch

    async def _fold(self, connection: Connection, items: Sequence[Item]) -> Plan:
        items = await self._in_order(connection, items) if self._view.ordered else items
        plan, events = self._plan(items)
        if events:
            await self._view.fold(connection, self._schema, events)
        return plan

    async def _easier(self, piece: Batch, outcome: Park) -> list[Batch]:
        """A batch that failed in pieces whose failure tells more."""
        if isinstance(piece, Prepared):
            return [await self.decode(piece.records)]
        if len(piece) > 1:
            return [piece[: len(piece) // 2], piece[len(piece) // 2 :]]
        return [[culprit(piece[0].record, outcome.reason, outcome.error)]]

    async def _in_order(self, connection: Connection, items: Sequence[Item]) -> list[Item]:
        """The items, those of a subject of which something is parked as culprits behind it."""
        subjects = {_subject(item) for item in items}
        parked = await parked_subjects(connection, self._schema, self.at.partition, subjects)
        found: list[Item] = []
        for item in items:
            subject = _subject(item)
            if isinstance(item, Event) and subject in parked and not self._is_discarded(item):
                item = culprit(item.record, BEHIND, "an earlier event of its subject is parked")
            elif isinstance(item, Culprit) and not self._is_discarded(item):
                parked.add(subject)
            found.append(item)
        return found

    def _plan(self, items: Sequence[Item]) -> tuple[Plan, Sequence[Event]]:
        """The plan, and the events that are to be folded."""
        if not self.at.discards and not _has_culprit(items):
            tally = self.at.tally.good() if items else self.at.tally
            records = [item.record for item in items]
            return Plan(records, len(items), (), tally, None), items  # type: ignore[return-value]
        return self._careful_plan(items)

    def _careful_plan(self, items: Sequence[Item]) -> tuple[Plan, Sequence[Event]]:
        """The plan for a batch with culprits or, perhaps, discarded events: one by one."""
        events: list[Event] = []
        culprits: list[tuple[Culprit, int]] = []
        records = [item.record for item in items]
        tally = self.at.tally
        for count, item in enumerate(items):
            if self._is_discarded(item):
                continue
            if isinstance(item, Event):
                events.append(item)
                tally = tally.good()
                continue
            ordinal = self.at.folded + count + 1
            if item.reason == BEHIND:
                culprits.append((item, ordinal))
                continue
            worse = tally.parked(item.subject, ordinal)
            if (reason := worse.verdict()) is not None:
                halt = f"{reason}: {item.error}"
                return Plan(records[:count], len(events), culprits, tally, halt), events
            culprits.append((item, ordinal))
            tally = worse
        return Plan(records, len(events), culprits, tally, None), events

    def _is_discarded(self, item: Item) -> bool:
        if isinstance(item, Culprit):
            return str(item.event) in self.at.discards.get(str(item.subject), ())
        named = self.at.discards.get(item.envelope.partitionkey)
        return named is not None and item.envelope.event in named

    def _note(self, plan: Plan, moves: Mapping[str, Move]) -> None:
        """What was committed is now what we know."""
        self.at.positions.update((topic, move.next_offset) for topic, move in moves.items())
        self.at.folded += len(plan.records)
        self.good_events += plan.good
        self.parked_events += len(plan.culprits)
        FOLDED.labels(self._schema).inc(plan.good)
        PARKED.labels(self._schema).inc(len(plan.culprits))
        if plan.records:
            self.at.tally, self.at.halted = plan.tally, None
        for one, _ in plan.culprits:
            place = one.record.place.position()
            said = (place, self.at.label, one.reason, one.error)
            _logger.error("parked %s (%s): %s, %s", *said, extra=trail(one.record.value))

    def _unfolded(self, items: Sequence[Item]) -> Sequence[Item]:
        """What stands at or after our positions, each record once."""
        ahead = dict(self.at.positions)
        kept: list[Item] = []
        for item in items:
            topic, _, offset = item[0][0]  # its record's place; by index, as it is the hot way
            if offset >= ahead[topic]:
                ahead[topic] = offset + 1
                kept.append(item)
        return kept

    def _is_unfolded(self, records: Sequence[Record]) -> bool:
        """Whether all stand at or after our positions, each record once."""
        ahead = dict(self.at.positions)
        for record in records:
            topic, _, offset = record[0]
            if offset < ahead[topic]:
                return False
            ahead[topic] = offset + 1
        return True

    async def _hold(self, outcome: Retry, tries: int) -> bool:
        """Wait before the next try; True when told to stop."""
        if tries == 0:
            _logger.warning("holding %s: %s", self.at.label, outcome.error)
        try:
            async with asyncio.timeout(backoff(tries)):
                await self.stopping.wait()
        except TimeoutError:
            return False
        return True

    async def say_halted(self, halt: Halt) -> None:
        """Record why nothing more is folded; where that fails, the next holder will say it."""
        _logger.critical("halted %s: %s", self.at.label, halt.reason)
        self.at.halted = halt.reason
        try:
            async with asyncio.timeout(PATIENCE), transaction(self._pool) as connection:
                await self.at.lock(connection)
                await self.at.save_failures(connection, self.at.tally, halt.reason)
        except Exception as error:
            _logger.warning("the halt of %s was not recorded: %s", self.at.label, describe(error))


def _subject(item: Item) -> str:
    return item.envelope.partitionkey if isinstance(item, Event) else str(item.subject)


def _has_culprit(batch: Batch) -> bool:
    return not isinstance(batch, Prepared) and any(type(item) is Culprit for item in batch)


def _moves(records: Sequence[Record]) -> dict[str, Move]:
    """By topic in Kafka: the next offset after the records, and how many there are."""
    offsets: dict[str, int] = {}
    counts: dict[str, int] = {}
    for record in records:
        topic, _, offset = record[0]
        offsets[topic] = offset + 1
        counts[topic] = counts.get(topic, 0) + 1
    return {topic: Move(offset, counts[topic]) for topic, offset in offsets.items()}
