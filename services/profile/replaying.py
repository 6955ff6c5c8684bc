"""One customer folded anew from the log, beside the live view, and compared with it row by row.

All of it happens in one transaction that sees one moment of the live view and is rolled back:
nothing is changed, nobody is told.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.profile.proof import behind
from services.profile.replay_rows import Compared, Unsettled, compare, count
from services.profile.replay_scope import Scope, scope_of
from services.profile.scratch import TABLES, Scratch, scratch
from shared import schemas
from shared.catchup import Tell
from shared.clock import monotonic
from shared.comparing import Difference, Row, Side
from shared.database import Pool, in_schema
from shared.errors import Fatal, LogUnavailable
from shared.log import Log, partition_of
from shared.messages import Place, Record
from shared.outcomes import describe
from shared.parking import culprit
from shared.projection import Event, View
from shared.schemas import Schema

MOST = 100_000
"""Events folded for one customer, at most."""

ROUNDS = 5
"""How often the log is read again for what was found in it, at most."""

SHOWN = 20
"""Differences that are shown with the events behind them."""

STALLED = 30.0
"""Seconds without a record after which the log counts as away."""

_BATCH = 5_000


class Plan(NamedTuple):
    """What a replay would look at: records of the log are read, events and rows are those of the
    live view."""

    schema: str
    subjects: int
    neighbours: int
    partitions: int
    records: int
    events: int
    rows: int


@dataclass
class Replayed:
    """What came of a replay. `parked` are left out, as in the live view; `unreadable` are records
    that are not parked and that this code cannot decode."""

    schema: str
    customers: tuple[str, str]  # by the live view, and anew
    subjects: set[str]
    records: int
    events: int
    tables: list[Compared] = field(default_factory=list)
    shown: list[tuple[Difference, list[Row]]] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Difference]:
        return [each for table in self.tables for each in table.differences]

    @property
    def left_out(self) -> int:
        return sum(table.left_out for table in self.tables)


class Grounds(NamedTuple):
    """What a replay works with; `live` names the schema that serves."""

    pool: Pool
    log: Log
    view: View
    prefix: str
    live: str


async def plan(grounds: Grounds, subject: str) -> Plan:
    """What there is to look at for the customer of a subject. Raises TooLarge."""
    async with _opened(grounds) as replay:
        scope = await scope_of(replay.live, replay.live, grounds.view, subject)
        places = replay.places(scope)
        events = await replay.live.connection.fetchval(
            in_schema(_EVENTS, grounds.live), [*scope.keys]
        )
        return Plan(
            grounds.live,
            len(scope.subjects),
            len(scope.members - scope.subjects),
            len(places),
            sum(replay.until[place] for place in places),
            events,
            await count(replay.live, scope.subjects),
        )


async def replay(grounds: Grounds, subject: str, tell: Tell) -> Replayed:
    """Fold the customer of a subject anew and compare it.

    Raises TooLarge, Fatal, LogUnavailable, OffsetLost, and what asyncpg raises.
    """
    async with _opened(grounds) as work:
        return await work.run(subject, tell)


@asynccontextmanager
async def _opened(grounds: Grounds) -> AsyncIterator["_Replay"]:
    async with scratch(grounds.pool, grounds.view) as made:
        schema = await schemas.load(made.connection, grounds.live, grounds.prefix)
        until = await schemas.positions(made.connection, schema)
        yield _Replay(grounds, made, schema, until)


class _Replay:
    """One replay, in one snapshot of the live view."""

    def __init__(
        self,
        grounds: Grounds,
        made: Scratch,
        schema: Schema,
        until: Mapping[tuple[str, int], int],
    ) -> None:
        self.live = Side(made.connection, grounds.live)
        self.until = until
        self._anew = Side(made.connection, TABLES)
        self._grounds = grounds
        self._made = made
        self._schema = schema
        self._read: set[Place] = set()
        self._records = 0
        self._parked: dict[Place, str] = {}
        self._discards: set[tuple[str, str]] = set()
        self._left: dict[Place, Record] = {}
        self._unreadable: dict[Place, str] = {}

    def places(self, scope: Scope) -> list[tuple[str, int]]:
        """The partitions in which records of the scope may stand, where anything was folded."""
        numbers = {partition_of(key, self._schema.partitions) for key in scope.keys}
        return [place for place, end in self.until.items() if place[1] in numbers and end]

    async def run(self, subject: str, tell: Tell) -> Replayed:
        await self._learn()
        scope = Scope()
        found = await scope_of(self.live, self.live, self._grounds.view, subject)
        for _ in range(ROUNDS):
            if not scope.add(found):
                return await self._compared(subject, scope)
            await self._fold(scope, tell)
            found = await scope_of(self._anew, self.live, self._grounds.view, subject)
        raise Fatal(f"After {ROUNDS} readings of the log there is still more to read.")

    async def _learn(self) -> None:
        """What the live view left out, and what every fold leaves out."""
        connection = self.live.connection
        for row in await connection.fetch(in_schema(_PARKED, self.live.schema)):
            self._parked[Place(row["topic"], row["partition"], row["record"])] = row["reason"]
        for row in await connection.fetch("SELECT subject::text, event::text FROM discards"):
            self._discards.add((row["subject"], row["event"]))

    async def _fold(self, scope: Scope, tell: Tell) -> None:
        """Fold what the log has of the scope, up to the live view's checkpoints."""
        events = []
        async for record in self._scan(scope, tell):
            event = self._decoded(record)
            if event is not None and scope.has(event):
                events.append(event)
                self._read.add(record.place)
            if self._made.events + len(events) > MOST:
                raise Fatal(f"More than {MOST:,} events decide this customer; use verify.")
        await self._made.fold_events(sorted(events, key=lambda event: event.record.place))
        await self._made.resolve()

    def _decoded(self, record: Record) -> Event | None:
        """The event in a record; None for what is parked, given up, folded already, unreadable."""
        place = record.place
        if place in self._read:
            return None
        if place in self._parked:
            self._left[place] = record
            return None
        try:
            event = self._grounds.view.decode(record)
        except Exception as error:  # as the runtime does, which would have parked it
            lost = culprit(record, "undecodable", describe(error))
            if (str(lost.subject), str(lost.event)) not in self._discards:
                self._unreadable[place] = lost.error
            return None
        named = (event.envelope.partitionkey, event.envelope.event)
        return None if named in self._discards else event

    async def _scan(self, scope: Scope, tell: Tell) -> AsyncIterator[Record]:
        """The records whose key is of the scope; others are not looked at."""
        keys = {key.encode() for key in scope.keys}
        ends = {place: self.until[place] for place in self.places(scope)}
        done = dict.fromkeys(ends, 0)
        reader = self._grounds.log.reader()
        try:
            if ends:
                await reader.start(done)
            last = monotonic()
            while done != ends:
                records = await reader.batch(_BATCH, 1.0)
                last = _not_stalled(last, bool(records))
                for record in records:
                    at = (record.place.topic, record.place.partition)
                    if record.place.offset < ends[at]:
                        done[at] = record.place.offset + 1
                        if record.key in keys:
                            yield record
                tell("records of the log", sum(done.values()), sum(ends.values()))
            self._records += sum(ends.values())
        finally:
            await reader.close()

    async def _compared(self, subject: str, scope: Scope) -> Replayed:
        connection = self.live.connection
        unsettled = await self._unsettled(scope)
        found = Replayed(
            self.live.schema,
            (
                await self._customer(self.live, subject),
                await self._customer(self._anew, subject),
            ),
            scope.subjects,
            self._records,
            self._made.events,
            await compare(self.live, self._anew, scope.subjects, unsettled),
            parked=[
                f"{place.position()} ({self._parked[place]})"
                for place, record in sorted(self._left.items())
                if record.key is not None and record.key.decode() in scope.subjects
            ],
            unreadable=[
                f"{place.position()}: {why}" for place, why in sorted(self._unreadable.items())
            ],
        )
        for difference in found.differences[:SHOWN]:
            row = difference.rebuilt or difference.live or {}
            side = self._anew if difference.rebuilt else Side(connection, self.live.schema)
            found.shown.append((difference, await behind(side, difference.table, row)))
        return found

    async def _customer(self, side: Side, subject: str) -> str:
        found: str = await side.connection.fetchval(in_schema(_CUSTOMER, side.schema), subject)
        return found

    async def _unsettled(self, scope: Scope) -> Unsettled:
        """What `pending` of the live view still names of the scope."""
        rows: list[Any] = await self.live.connection.fetch(
            in_schema(_PENDING, self.live.schema), [*scope.members], [*scope.subjects]
        )
        orders = {(row["namespace"], row["number"]) for row in rows if row["kind"] == "order"}
        kinds = {row["kind"] for row in rows}
        return Unsettled(not kinds.isdisjoint(("pair", "key")), "facts" in kinds, orders)


def _not_stalled(last: float, moved: bool) -> float:
    """When something came last. Raises LogUnavailable after a while without anything."""
    now = monotonic()
    if not moved and now - last > STALLED:
        raise LogUnavailable(f"the log gave no record for {STALLED:.0f} s")
    return now if moved else last


_EVENTS = "SELECT count(*) FROM {s}.events WHERE subject = ANY ($1::uuid[])"

_PARKED = "SELECT topic, partition, record, reason FROM {s}.parked"

_CUSTOMER = """
SELECT coalesce((SELECT customer FROM {s}.identities WHERE subject = $1), $1)::text
"""

_PENDING = """
SELECT DISTINCT kind, namespace, number FROM {s}.pending p
WHERE kind = 'key' OR (kind = 'pair' AND key = ANY ($1::uuid[]))
   OR (kind = 'facts' AND key = ANY ($2::uuid[]))
   OR (kind = 'order' AND (EXISTS (SELECT FROM {s}.orders o
        WHERE (o.namespace, o.number) = (p.namespace, p.number) AND o.subject = ANY ($2::uuid[]))
    OR EXISTS (SELECT FROM {s}.counted c
        WHERE (c.namespace, c.number) = (p.namespace, p.number) AND c.subject = ANY ($2::uuid[]))))
"""
