"""What is noted of copies of topics: between which generations, how far each has come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.database import Connection, Pool
from shared.topics import topic_name

FORMER, NEXT = "former", "next"
_MASK = 2**64 - 1


class Sum(NamedTuple):
    """How many records, and the sum of their 64-bit hashes modulo 2^64."""

    records: int = 0
    checksum: int = 0

    def plus(self, other: "Sum") -> "Sum":
        return Sum(self.records + other.records, (self.checksum + other.checksum) & _MASK)


class Mark(NamedTuple):
    """A place in a partition: the next offset, and the sum of all records before it."""

    next_offset: int = 0
    sum: Sum = Sum()


@dataclass
class Marks:
    """Places in the partitions of both sides before which they were found equal."""

    former: dict[int, Mark] = field(default_factory=dict)
    next: dict[int, Mark] = field(default_factory=dict)


@dataclass(frozen=True)
class Copy:
    """A topic, the generation it has and the next one, with their numbers of partitions.

    `applied` names what is applied to each record on the way; empty where nothing is.
    """

    topic: str
    former: int
    former_partitions: int
    generation: int
    partitions: int
    prefix: str = ""
    applied: str = ""

    @property
    def source(self) -> str:
        """The name in Kafka of what is copied."""
        return topic_name(self.prefix, self.topic, self.former)

    @property
    def target(self) -> str:
        """The name in Kafka of what is made."""
        return topic_name(self.prefix, self.topic, self.generation)


def total(marks: Mapping[int, Mark]) -> Sum:
    """All partitions of a side together."""
    found = Sum()
    for mark in marks.values():
        found = found.plus(mark.sum)
    return found


async def begun(pool: Pool | Connection, prefix: str) -> list[Copy]:
    """Every copy that was begun here, by topic, the latest first."""
    return [Copy(**row, prefix=prefix) for row in await pool.fetch(_BEGUN)]


async def begin(connection: Connection, copy: Copy) -> None:
    """Note that a copy is under way; one that is noted already goes on where it is."""
    name = (copy.topic, copy.generation)
    async with connection.transaction():
        await connection.execute(
            _BEGIN, *name, copy.partitions, copy.former, copy.former_partitions, copy.applied
        )
        await connection.execute(_BLANK, *name, FORMER, copy.former_partitions)
        await connection.execute(_BLANK, *name, NEXT, copy.partitions)


async def marks(pool: Pool | Connection, copy: Copy) -> Marks:
    """How far a copy has come; nothing where it was not begun."""
    found = Marks()
    for row in await pool.fetch(_MARKS, copy.topic, copy.generation):
        side = found.former if row["side"] == FORMER else found.next
        added = Sum(row["records"], row["checksum"] & _MASK)
        side[row["partition"]] = Mark(row["next_offset"], added)
    return found


async def behind(pool: Pool | Connection, copy: Copy, ends: Mapping[int, int]) -> int:
    """How many records are left up to these offsets of the source."""
    return left((await marks(pool, copy)).former, ends)


def left(found: Mapping[int, Mark], ends: Mapping[int, int]) -> int:
    """How many records there are from the marks of a side to its ends."""
    return sum(max(0, end - found.get(n, Mark()).next_offset) for n, end in ends.items())


async def save(connection: Connection, copy: Copy, found: Marks) -> None:
    """Note how far it has come, both sides at once."""
    rows = [*_rows(FORMER, found.former), *_rows(NEXT, found.next)]
    await connection.execute(
        _SAVE, copy.topic, copy.generation, *map(list, zip(*rows, strict=True))
    )


async def switch(connection: Connection, done: Iterable[Copy]) -> None:
    """Record generations as the present ones, where their topics are known here.

    Part of one transaction of a database.
    """
    copies: Sequence[Copy] = sorted(done, key=lambda copy: copy.topic)
    arguments = (
        [copy.topic for copy in copies],
        [copy.generation for copy in copies],
        [copy.partitions for copy in copies],
    )
    await connection.execute(_PRESENT, *arguments)
    await connection.execute(_SWITCHED, *arguments[:2])


async def forget(connection: Connection | Pool, copy: Copy) -> None:
    """Take back that a copy was begun."""
    await connection.execute(_FORGET, copy.topic, copy.generation)


def _rows(side: str, found: Mapping[int, Mark]) -> list[tuple[object, ...]]:
    return [
        (side, partition, mark.next_offset, mark.sum.records, _signed(mark.sum.checksum))
        for partition, mark in sorted(found.items())
    ]


def _signed(number: int) -> int:
    """The same 64 bits as PostgreSQL's bigint has them."""
    return number - 2**64 if number >= 2**63 else number


_BEGUN = """
SELECT topic, former, former_partitions, generation, partitions, applied FROM copies
ORDER BY topic, generation DESC
"""

_BEGIN = """
INSERT INTO copies (topic, generation, partitions, former, former_partitions, applied)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""

_BLANK = """
INSERT INTO copied (topic, generation, side, partition, next_offset, records, checksum)
SELECT $1, $2, $3, n, 0, 0, 0 FROM generate_series(0, $4 - 1) n
ON CONFLICT DO NOTHING
"""

_MARKS = """
SELECT side, partition, next_offset, records, checksum FROM copied
WHERE topic = $1 AND generation = $2
"""

_SAVE = """
UPDATE copied c SET next_offset = m.next_offset, records = m.records, checksum = m.checksum
FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[])
    m (side, partition, next_offset, records, checksum)
WHERE c.topic = $1 AND c.generation = $2 AND c.side = m.side AND c.partition = m.partition
"""

_PRESENT = """
UPDATE topics t SET generation = c.generation, partitions = c.partitions
FROM unnest($1::text[], $2::integer[], $3::integer[]) c (topic, generation, partitions)
WHERE t.topic = c.topic AND t.generation < c.generation
"""

_SWITCHED = """
UPDATE copies SET switched = now() FROM unnest($1::text[], $2::integer[]) c (topic, generation)
WHERE copies.topic = c.topic AND copies.generation = c.generation AND switched IS NULL
"""

_FORGET = "DELETE FROM copies WHERE topic = $1 AND generation = $2 AND switched IS NULL"
