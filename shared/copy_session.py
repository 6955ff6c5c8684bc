"""One stretch of copying a topic: what it appends it reads back, and nothing is there twice."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from shared.clock import monotonic
from shared.copies import Copy, Mark, Marks, Sum
from shared.errors import Fatal, LogUnavailable
from shared.log import Copied, Log, Origin, Original, partition_of

STILL = 30.0
"""Seconds without a record, although there are some, before the log counts as away."""

PIECE = 16 * 1024 * 1024
"""Bytes that are appended together."""


Change = Callable[[Original], Original]
"""What is applied to each record on the way: pure, the same each time, of key and value alone."""


def unchanged(record: Original) -> Original:
    return record


@dataclass(frozen=True)
class Pace:
    """Bounds of a copy."""

    rate: float = 0.0  # records a second; 0: as many as can be
    chunk: int = 4000  # records appended, and read back, together
    save: float = 1.0  # seconds between notes of how far it has come
    settle: float = 1.0  # seconds in which an end that stands still has settled
    wait: float = 0.5  # seconds for a record, before looking around


class Spoiled(Fatal):
    """What stands in the next generation is not what was to be there."""


def checksum(key: bytes | None, value: bytes | None) -> int:
    """64 bits of a record's key and value."""
    digest = blake2b(b"" if key is None else b"%d:%b" % (len(key), key), digest_size=8)
    if value is not None:
        digest.update(b"=")
        digest.update(value)
    return int.from_bytes(digest.digest())


def target_of(key: bytes | None, partition: int, partitions: int) -> int:
    """The partition of a key among so many.

    A key that is no UUID has one of its own; a record without a key follows its former partition.
    """
    if key is None:
        return partition % partitions
    try:
        return partition_of(key.decode("ascii"), partitions)
    except ValueError:
        return checksum(key, None) % partitions


class CopySession:
    """Copies with one connection, which is given up at the first failure.

    What is in the target behind the marks came from an earlier session: it is read first, and its
    origins are not copied again. In each target partition the origins of one source partition
    stand in their order, so the last of them says which are there; and whatever stands there
    twice, or in another order, shows when it is read back.
    """

    def __init__(
        self, log: Log, copy: Copy, marks: Marks, pace: Pace, change: Change, *, late: bool
    ) -> None:
        self._log = log
        self._change = change
        self._copy = copy
        self._pace = pace
        self._late = late
        self._marks = marks
        self._source, self._target = log.reader(), log.reader()
        self._read = {n: mark.next_offset for n, mark in marks.former.items()}
        self._written = {n: mark.next_offset for n, mark in marks.next.items()}
        self._last: dict[tuple[int, int], int] = {}
        self._there: dict[tuple[int, int], int] = {}
        self._moved_at = monotonic()
        self._start_sums()

    @classmethod
    async def begin(
        cls, address: str, copy: Copy, marks: Marks, pace: Pace, change: Change, *, late: bool
    ) -> "CopySession":
        """Connect, and see what an earlier session has left in the target."""
        try:
            log = await Log.connect(address, exact=True)
        except Fatal as error:
            raise LogUnavailable(str(error)) from error
        session = cls(log, copy, marks, pace, change, late=late)
        try:
            await session._open()
        except BaseException:
            await session.close()
            raise
        return session

    async def _open(self) -> None:
        await self._log.know([self._copy.target])
        await self._target.start(_places(self._copy.target, self._written))
        await self._read_back(await self._ends_of_target())
        self._there = dict(self._last)
        ends = await self._log.end_offsets(self._copy.source, self._read)
        if any(last >= ends[partition] for (_, partition), last in self._there.items()):
            raise self._spoiled("it holds what the other does not")
        await self._source.start(_places(self._copy.source, self._read))
        self._moved_at = monotonic()

    async def _ends_of_target(self) -> dict[int, int]:
        target, partitions = self._copy.target, self._copy.partitions
        if self._late:
            return await self._log.end_offsets(target, range(partitions))
        return await settled(self._log, target, partitions, self._pace.settle)

    async def close(self) -> None:
        """Let go of everything; never hangs."""
        for closing in (self._source, self._target, self._log):
            await closing.close()

    async def step(self) -> int:
        """Copy the next records of the source and read back what was appended; how many."""
        limit = self._pace.chunk
        if self._pace.rate:
            limit = max(1, min(limit, int(self._pace.rate)))
        read = await self._source.originals(limit, self._pace.wait)
        found = [self._change(one) for one in read]
        if found:
            self._moved_at = monotonic()
        elif monotonic() > self._moved_at + STILL:
            raise LogUnavailable(f"nothing comes from {self._copy.source}")
        for piece in _pieces(found):
            await self._read_back(await self._append(self._sorted(piece)))
        self._there = {
            lane: last for lane, last in self._there.items() if self._read[lane[1]] <= last
        }
        return len(found)

    def balanced(self) -> bool:
        """Whether both sides are equal; False while what was there before is being met.

        Raises Spoiled where they differ.
        """
        if self._there:
            return False
        if self._due != self._found:
            raise self._spoiled(f"there were to be {self._due}, and there are {self._found}")
        return True

    def marks(self) -> Marks:
        """The places that both sides have reached, when they are equal."""
        self._marks = Marks(
            _moved(self._marks.former, self._read, self._sums),
            _moved(self._marks.next, self._written, self._found),
        )
        self._start_sums()
        return self._marks

    def _start_sums(self) -> None:
        """Sums from the marks on: by source partition, then what is due in each target partition
        and what was found there."""
        self._sums = dict.fromkeys(self._marks.former, Sum())
        self._due = dict.fromkeys(self._marks.next, Sum())
        self._found = dict.fromkeys(self._marks.next, Sum())

    def _sorted(self, found: Sequence[Original]) -> dict[int, list[Copied]]:
        """What is to be appended where, without what is there already."""
        lanes: dict[int, list[Copied]] = {}
        partitions, there = self._copy.partitions, self._there
        for one in found:
            number = target_of(one.key, one.partition, partitions)
            added = Sum(1, checksum(one.key, one.value))
            self._due[number] = self._due[number].plus(added)
            self._sums[one.partition] = self._sums[one.partition].plus(added)
            self._read[one.partition] = one.offset + 1
            if one.offset > there.get((number, one.partition), -1):
                lanes.setdefault(number, []).append(_copied(one, self._copy.former))
        return lanes

    async def _append(self, lanes: Mapping[int, Sequence[Copied]]) -> dict[int, int]:
        """Append; the offsets after what was appended, by partition."""
        appends = {
            number: self._log.append(self._copy.target, number, entries)
            for number, entries in lanes.items()
        }
        if appends:
            await asyncio.wait(appends.values())
        return {number: append.result()[-1] + 1 for number, append in appends.items()}

    async def _read_back(self, ends: Mapping[int, int]) -> None:
        """Read the target up to these offsets."""
        deadline = monotonic() + STILL
        while any(self._written[number] < end for number, end in ends.items()):
            found = await self._target.originals(self._pace.chunk, self._pace.wait)
            for one in found:
                self._meet(one)
            if found:
                deadline = monotonic() + STILL
            elif monotonic() > deadline:
                raise LogUnavailable(f"nothing comes back from {self._copy.target}")

    def _meet(self, one: Original) -> None:
        """Count a record of the target, which must stand in its order."""
        self._written[one.partition] = one.offset + 1
        if one.origin is None and self._late:
            return
        _, partition, offset = one.origin or (0, -1, -1)
        mark = self._marks.former.get(partition)
        if mark is None:
            raise self._spoiled(f"{one.partition}/{one.offset} was not copied there")
        lane = (one.partition, partition)
        if offset <= self._last.get(lane, mark.next_offset - 1):
            raise self._spoiled(f"{one.partition}/{one.offset} is there twice or out of order")
        self._last[lane] = offset
        added = Sum(1, checksum(one.key, one.value))
        self._found[one.partition] = self._found[one.partition].plus(added)

    def _spoiled(self, what: str) -> Spoiled:
        return Spoiled(
            f"{self._copy.target} is no copy of {self._copy.source}: {what}; "
            "give it up (`rapport topics abandon`) and copy again."
        )


async def settled(log: Log, topic: str, partitions: int, seconds: float) -> dict[int, int]:
    """The end offsets of a topic, when they stood still for so long.

    Raises LogUnavailable where they never do.
    """
    numbers = range(partitions)
    ends = await log.end_offsets(topic, numbers)
    for _ in range(30):
        await asyncio.sleep(seconds)
        before, ends = ends, await log.end_offsets(topic, numbers)
        if ends == before:
            return ends
    raise LogUnavailable(f"somebody goes on appending to {topic}")


def _pieces(found: Sequence[Original]) -> Iterator[Sequence[Original]]:
    """The records in their order, in pieces that the log takes at once."""
    start, size = 0, 0
    for place, one in enumerate(found):
        size += len(one.value or b"")
        if size > PIECE and place > start:
            yield found[start:place]
            start, size = place, len(one.value or b"")
    if found:
        yield found[start:]


def _copied(one: Original, generation: int) -> Copied:
    origin = Origin(generation, one.partition, one.offset)
    return Copied(one.key, one.value, one.timestamp, origin)  # type: ignore[arg-type]


def _places(topic: str, offsets: Mapping[int, int]) -> dict[tuple[str, int], int]:
    return {(topic, partition): offset for partition, offset in offsets.items()}


def _moved(
    marks: Mapping[int, Mark], offsets: Mapping[int, int], sums: Mapping[int, Sum]
) -> dict[int, Mark]:
    return {n: Mark(offsets[n], mark.sum.plus(sums[n])) for n, mark in marks.items()}
