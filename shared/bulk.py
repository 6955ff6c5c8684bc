"""The fast way into an empty view schema: tables without keys, rows staged, merged at the end.

    an ordinary schema, `begin`  ->  a `Holding` for each partition  ->  `finish`

Until `finish` has ended the ordinary fold must not touch the schema, nor anybody read it; then it
is an ordinary schema with the rows that the ordinary fold would have written.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from shared import staging
from shared.bloom import Filter
from shared.comparing import sampled
from shared.database import Connection, in_schema
from shared.finishing import Report, finish
from shared.ids import random_token
from shared.literals import Row, copy_lines
from shared.merging import Merge, Rows, staged
from shared.messages import Record
from shared.projection import Event, Projection, View
from shared.staging import BeginAnew, Over, is_begun

__all__ = ["BeginAnew", "Bulk", "Holding", "Over", "Report", "begin", "finish", "is_begun"]

MOST_EXPECTED = 100_000_000
"""Events up to which the memory of what was seen grows, to 300 MB; then more are set aside."""

SLICE = 150
"""Events that are worked on at a time: what is made of them then fits into a processor's cache."""


class Suspect(NamedTuple):
    """An event that may have been seen, with its memory and its key there."""

    memory: str
    key: list[str]
    event: Event


async def begin(connection: Connection, view: View, schema: str) -> None:
    """Turn an empty schema, made in the same transaction, into one that is filled by `Bulk`.

    Keys and indexes of the tables of the first stage go until `finish`.
    """
    await staging.begin(connection, view, schema)


class Bulk:
    """Fills a schema from one process; `expected` events in all, by which memory is sized.

    With a `sample` of n, only every nth subject's events.
    """

    def __init__(
        self, view: View, schema: str, *, expected: int, partitions: int, sample: int = 1
    ) -> None:
        self._view = view
        self._schema = schema
        self._expected = min(expected, MOST_EXPECTED) // partitions
        self._sample = sample

    def holding(self, partition: int) -> "Holding":
        """The fold of a partition, for one that no two processes fold at the same time."""
        return Holding(self._view, self._schema, partition, self._expected, self._sample)


class Holding:
    """One partition while this process folds it: `fold` and `Ahead` of a view.

    What may have been seen is set aside: what the filter knows, which is all that was committed
    before the last transaction; what that one staged; and what is prepared but not yet written. A
    batch whose events were folded otherwise since it was begun is not written as it was prepared.
    """

    def __init__(
        self, view: View, schema: str, partition: int, expected: int, sample: int = 1
    ) -> None:
        self._decode = view.decode
        self._projection = view.projection
        self._schema = schema
        self._partition = partition
        self._sample = sample
        self._seen = Filter(expected)
        self._name = random_token(16).hex()
        self._last: set[int] = set()  # of the last transaction, which may be rolled back
        self._ahead: set[int] = set()  # of the batch that was prepared last
        self._beside: set[int] = set()  # of what `fold` staged since that one was begun
        self._transaction: str | None = None
        self._learnt = 0  # times that something was learnt that others had staged

    async def prepare(self, records: Sequence[Record]) -> "Batch":
        """Sort a batch of the partition, up to about 10,000 events, and make its lines."""
        batch = Batch(self._projection, self._seen, self._learnt)
        batch.beside = self._beside = set()
        events = map(self._decode, records)
        await self._sort(batch, events, lambda: (self._last, self._ahead))
        self._ahead = batch.numbers
        return batch

    async def write(self, connection: Connection, schema: str, prepared: "Batch") -> bool:
        """Stage what was prepared; False where more is known by now than when it was.

        Raises BeginAnew, Over, and what asyncpg raises.
        """
        await self._settle(connection)
        if prepared.learnt != self._learnt or not prepared.beside.isdisjoint(prepared.numbers):
            return False
        await self._stage(connection, prepared)
        return True

    async def fold(self, connection: Connection, schema: str, events: Iterable[Event]) -> None:
        """Both at once, for events that may have been in a batch that was given up.

        Raises as `write` does; a batch that cannot be folded raises as `View.fold` does, so that
        its culprit can be found and parked.
        """
        await self._settle(connection)
        batch = Batch(self._projection, self._seen, self._learnt)
        await self._sort(batch, events, tuple)
        self._beside |= batch.numbers
        await self._stage(connection, batch)

    async def _sort(
        self, batch: "Batch", events: Iterable[Event], also: Callable[[], Sequence[set[int]]]
    ) -> None:
        """Take the events, few at a time, so that a processor's cache holds what is made of them.

        `also` says what may have been seen besides what the filter knows.
        """
        if self._sample > 1:
            events = (e for e in events if sampled(e.envelope.partitionkey, self._sample))
        events = iter(events)
        while some := list(islice(events, SLICE)):
            batch.take(some, also())
            await asyncio.sleep(0)
        batch.close()

    async def _stage(self, connection: Connection, batch: "Batch") -> None:
        self._last = batch.numbers
        for name, lines in batch.lines:
            await copy_lines(connection, self._schema, name, lines)
        await _set_aside(connection, self._schema, batch.suspects)

    async def _settle(self, connection: Connection) -> None:
        """See that what is staged still stands, and know all of it: ours, and what others did."""
        at = (self._partition, self._name, self._transaction)
        state = await staging.state(connection, self._schema, staging.STAGING, *at)
        if not state["ours"]:
            if await self._learn(connection):
                self._learnt += 1
            await staging.hold(connection, self._schema, self._partition, self._name)
        elif state["last"] != "aborted":
            self._seen.add(self._last)
        self._last, self._transaction = set(), state["this"]

    async def _learn(self, connection: Connection) -> int:
        """Learn which events of the partition are there already: about 1 s per million of them."""
        learning = _Learning(self._seen)
        for name, layout in self._projection.memory.items():
            width = self._projection.widths[name]
            columns = ", ".join(f"{column}::text" for column in layout.columns[:width])
            keys = ", ".join(f"key[{n}]" for n in range(1, width + 1))
            sql = _KEYS.format(columns=columns, keys=keys, memory=name, s="{s}")
            await connection.copy_from_query(
                in_schema(sql, self._schema),
                str(self._partition),
                output=learning.take,
                timeout=staging.DAY,
            )
        return learning.count


class Batch:
    """What a batch comes to: lines for COPY by table, suspects, and the numbers of what is new."""

    def __init__(self, projection: Projection, seen: Filter, learnt: int) -> None:
        self.learnt = learnt
        self.beside: set[int] = set()
        self._seen = seen
        self.numbers: set[int] = set()
        self.suspects: list[Suspect] = []
        self.lines: list[tuple[str, bytes]] = []
        self._projection = projection
        self._tables = [
            table for table in projection.tables if not isinstance(table, Merge) or table.is_staged
        ]
        self._keys: dict[str, set[Row]] = {name: set() for name in projection.memory}
        self._lines = defaultdict[str, list[bytes]](list)
        self._rows = defaultdict[str, list[Row]](list)  # of tables whose keys come again and again

    def take(self, events: Sequence[Event], also: Sequence[set[int]]) -> None:
        """Sort out which events are new for sure and which may not be, and make their lines."""
        projection = self._projection
        recorded = list(zip(events, map(projection.record, events), strict=True))
        fresh = [event for event, found in recorded if found is None]
        for name, width in projection.widths.items():
            mine = [(event, found[1]) for event, found in recorded if found and found[0] == name]
            if mine:
                first = self._first(name, _spelt([row[:width] for _, row in mine]), mine)
                numbers = list(map(hash, first))
                known = self._seen.known(numbers).union(
                    *(one.intersection(numbers) for one in also)
                )
                self.numbers.update(numbers)
                if known:
                    self.suspects += _doubtful(name, first, known)
                fresh += [event for event, _ in first.values()]
                if first:
                    rows = [row for _, row in first.values()]
                    self._lines[name].append(projection.memory[name].lines(rows))
        self._add(projection.project(fresh))

    def close(self) -> None:
        """All is taken: memories first, then the tables in their order."""
        for name in self._projection.memory:
            if name in self._lines:
                self.lines.append((name, b"".join(self._lines[name])))
        for table in self._tables:
            lines, rows = self._lines[table.name], self._rows[table.name]
            if isinstance(table, Merge) and rows:
                lines.append(table.layout.lines(table.combined(rows)))
            if lines:
                where = staged(table.name) if isinstance(table, Merge) else table.name
                self.lines.append((where, b"".join(lines)))
        self._lines.clear()
        self._rows.clear()
        self._keys.clear()

    def _first(
        self, memory: str, keys: Sequence[Row], found: Sequence[tuple[Event, Row]]
    ) -> dict[Row, tuple[Event, Row]]:
        """By key: the first of the events with it, and its row; none that this batch had before."""
        there = self._keys[memory]
        first = dict(zip(reversed(keys), reversed(found), strict=True))
        if not there.isdisjoint(first):
            first = {key: both for key, both in first.items() if key not in there}
        there.update(first)
        return first

    def _add(self, rows: Rows) -> None:
        for table in self._tables:
            found = rows.get(table.name)
            if not found:
                continue
            if isinstance(table, Merge) and table.repeats(found):
                self._rows[table.name] += table.combined(found)
            else:
                self._lines[table.name].append(table.layout.lines(found))


def _doubtful(memory: str, first: dict[Row, tuple[Event, Row]], known: set[int]) -> list[Suspect]:
    """Take the events out that may have been seen."""
    doubtful = [key for key in first if hash(key) in known and _is_canonical([key])]
    return [Suspect(memory, [*key], first.pop(key)[0]) for key in doubtful]


class _Learning:
    """Takes keys as COPY gives them."""

    def __init__(self, seen: Filter) -> None:
        self.count = 0
        self._seen = seen
        self._rest = b""

    async def take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._seen.add([hash((*line.decode().split("\t"),)) for line in lines])
        self.count += len(lines)


def _spelt(keys: Sequence[Row]) -> Sequence[Row]:
    """The keys as PostgreSQL spells them, as nearly all are spelt already."""
    return keys if _is_canonical(keys) else [tuple(map(_canonical, key)) for key in keys]


def _is_canonical(keys: Sequence[Row]) -> bool:
    """Whether all are lower-case UUIDs with their dashes in the right places."""
    joined, length = "".join(map("".join, keys)), 36 * sum(map(len, keys))
    dashes = "-" * (length // 36)
    return (
        len(joined) == length
        and joined == joined.lower()
        and all(joined[n::36] == dashes for n in (8, 13, 18, 23))
    )


def _canonical(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return text  # PostgreSQL will refuse it


async def _set_aside(connection: Connection, schema: str, suspects: Sequence[Suspect]) -> None:
    """Keep events that may have been seen, until that can be looked up."""
    if suspects:
        await connection.copy_records_to_table(
            "suspects",
            schema_name=schema,
            records=[
                (one.memory, one.key, *one.event.record.place, *one.event.record[1:])
                for one in suspects
            ],
        )


_KEYS = """
SELECT {columns} FROM {s}.{memory} WHERE split_part(position, '/', 2) = $1
UNION ALL
SELECT {keys} FROM {s}.suspects WHERE memory = '{memory}' AND partition = $1::integer
"""
