"""A view as the runtime folds it: which topics, which tables, how records become rows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sqlalchemy import MetaData, Table

from shared.comparing import Proof
from shared.database import Connection
from shared.leases import Single
from shared.literals import Layout, Row, copy
from shared.merging import Added, Merge, Rows
from shared.messages import Envelope, Record
from shared.seen import Key, record_new

Offsets = Mapping[tuple[str, int], int]
"""By topic in Kafka and partition."""


class Event(NamedTuple):
    """A decoded record: its place and bytes, its envelope, and what the service reads of it."""

    record: Record
    envelope: Envelope
    body: object


class Ahead(Protocol):
    """A fold that works on a batch before its turn to be written, so that writing it is little."""

    async def prepare(self, records: Sequence[Record]) -> Any:
        """What the records come to, which `write` is given while at most one more is prepared.

        Gives way to others now and then. Raises where the records have to be looked at one by one.
        """

    async def write(self, connection: Connection, schema: str, prepared: Any) -> bool:
        """Write it in the open transaction; False, and nothing, where it holds no longer."""


class Queue:
    """What a second stage is asked to look at: a table that is only added to, without a key.

    `ask` says what follows from events that count; `ask_all`, statements that insert, what follows
    from all rows of a schema.
    """

    def __init__(
        self, table: Table, ask: Callable[[Sequence[Event]], Sequence[Row]], *ask_all: str
    ) -> None:
        self.layout = Layout(table)
        self.ask = ask
        self.ask_all = ask_all


class Projection:
    """How events become rows, declared: what every way of folding them is made of.

    `memory` are the tables that remember what was seen. Their keys, made of UUIDs, come first, and
    they have the column `position`. `record` is pure and says which row of which memory an event
    is; of events with the same one only the first counts, and an event without one always does.
    `project` is pure too: the rows that events which count come to, by table, merged by the rules
    of `tables`, which are written in that order. `notice` is told of what counts by the ordinary
    fold alone, in its transaction, and changes no row. `closing` are statements that a bulk fold
    ends with: they write whole what an ordinary one keeps up by the `then` of a table.
    """

    def __init__(
        self,
        memory: Sequence[Table],
        record: Callable[[Event], tuple[str, Row] | None],
        project: Callable[[Sequence[Event]], Rows],
        tables: Sequence[Merge | Added],
        queue: Queue | None = None,
        notice: Callable[[Connection, str, Sequence[Event]], Awaitable[None]] | None = None,
        closing: Sequence[str] = (),
    ) -> None:
        self.memory = {table.name: Layout(table) for table in memory}
        self.record = record
        self.project = project
        self.tables = tables
        self.queue = queue
        self.closing = closing
        self.widths = {table.name: len(table.primary_key.columns) for table in memory}
        self._notice = notice

    async def fold(self, connection: Connection, schema: str, events: Sequence[Event]) -> None:
        """Write a batch in the open transaction: what is new first, then what follows from it."""
        fresh = await self._record(connection, schema, events)
        rows = self.project(fresh)
        for table in self.tables:
            await table.write(connection, schema, rows.get(table.name, ()))
        if self.queue is not None:
            await copy(connection, schema, self.queue.layout, self.queue.ask(fresh))
        if self._notice is not None and fresh:
            await self._notice(connection, schema, fresh)

    async def _record(
        self, connection: Connection, schema: str, events: Sequence[Event]
    ) -> list[Event]:
        """Remember the events; those that count."""
        found: list[Event] = []
        by_table: dict[str, dict[Key, tuple[Row, Event]]] = {name: {} for name in self.memory}
        for event in events:
            recorded = self.record(event)
            if recorded is None:
                found.append(event)
            else:
                name, row = recorded
                by_table[name].setdefault(row[: self.widths[name]], (row, event))
        for name, first in by_table.items():
            if first:
                rows = {key: row for key, (row, _) in first.items()}
                fresh = await record_new(connection, schema, self.memory[name], rows)
                found += [event for key, (_, event) in first.items() if key in fresh]
        return found


@dataclass(frozen=True)
class View:
    """What a service keeps in a view schema and how it is folded.

    `decode` is pure; when it raises, that event alone is parked. `projection` says how events
    become rows; `fold`, nearly always its own, writes a batch inside an open transaction,
    `(connection, schema, events)`, and commutes: any split and any interleaving of partitions
    gives the same rows. `ahead`, where it is there, writes the same. `singles` keep the second
    stage up, each run by one worker of the schema; `settled` says whether they have worked off what
    came before the given offsets, by topic in Kafka and partition, `left` how many rows wait for
    them. `ordered`: behind a parked event the later ones of its subject are parked too, and are
    retried in order after it.
    """

    service: str
    version: int
    topics: tuple[str, ...]
    metadata: MetaData
    decode: Callable[[Record], Event]
    projection: Projection
    fold: Callable[[Connection, str, Sequence[Event]], Awaitable[None]]
    settled: Callable[[Connection, str, Offsets], Awaitable[bool]] | None = None
    left: Callable[[Connection, str], Awaitable[int]] | None = None
    ahead: Ahead | None = None
    singles: tuple[Single, ...] = ()
    proof: Proof = field(default_factory=Proof)
    ordered: bool = False
