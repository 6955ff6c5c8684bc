"""The next generation of topics: copied while services run, then switched to in one go."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from shared import administration, copies
from shared.clock import monotonic
from shared.copies import Copy, Sum
from shared.copy_session import Change, Pace, Spoiled, settled, unchanged
from shared.copying import Copier
from shared.database import ERRORS
from shared.errors import Fatal, LogUnavailable
from shared.failpoints import failpoint
from shared.log import Log
from shared.members import Member, alone, is_switched, open_again
from shared.outcomes import describe
from shared.topics import Wanted

NEARLY = 1000
"""Records that may be left when the topics are fenced,"""

SOON = 2.0
"""or seconds in which what was left could be copied."""

IN_VAIN = 5
"""Passes in a row that leave as much as the one before."""

FENCED_AT_MOST = 60.0
"""Seconds that nobody can append, before it is given up for now."""

TAKE_BACK = 30.0
"""Seconds in which topics are opened again."""

LATE = 3.0
"""Seconds after the switch in which the former generation is watched for records that came late."""

_logger = logging.getLogger("rapport.growth")


@dataclass(frozen=True)
class Result:
    """One topic that was copied: both sides hold so many records with this checksum."""

    copy: Copy
    sum: Sum
    switched: bool


@dataclass(frozen=True)
class News:
    """Who wants to know: topic, records copied, records there are; and a sentence now and then."""

    told: Callable[[str, int, int], None]
    says: Callable[[str], None]


class Growth:
    """Copies topics into their next generation, and switches to it.

    `changes`, by topic, are applied to each record on the way. Until the first database records
    the next generation nothing has changed for anybody; from
    then on it is finished, by a later call if need be.
    """

    def __init__(
        self,
        log: Log,
        members: Sequence[Member],
        wanted: Sequence[Copy],
        *,
        news: News,
        pace: Pace | None = None,
        changes: Mapping[str, Change] | None = None,
        embedded: bool = False,
        late: float = LATE,
    ) -> None:
        self._log = log
        self._members = members
        self._wanted = wanted
        self._news = news
        self._pace = pace or Pace()
        self._changes = changes or {}
        self._embedded = embedded
        self._late = late
        self._copiers: list[Copier] = []
        self._ends: dict[str, int] = {}

    async def run(self, *, switch: bool = True) -> list[Result]:
        """Copy all, and switch; without `switch` only until nearly all is copied.

        Raises Fatal where another one is at it, Spoiled where a copy is not what it must be,
        LogUnavailable, OffsetLost, and what asyncpg raises.
        """
        async with AsyncExitStack() as stack:
            await self._prepare(stack)
            switched = await is_switched(self._members, self._wanted)
            if switched:
                await self._come_late()
            else:
                await self._open_again()
                await self._follow()
            if switch or switched:
                await self._switch()
                await self._sweep()
            return [self._result(copier, switch or switched) for copier in self._copiers]

    async def _prepare(self, stack: AsyncExitStack) -> None:
        """Lock, note what is begun, make the topics."""
        topics = {topic.name: topic for member in self._members for topic in member.owns}
        for member in self._members:
            owned = {topic.name for topic in member.owns}
            connection = await stack.enter_async_context(alone(member))
            for copy in (each for each in self._wanted if each.topic in owned):
                await copies.begin(connection, copy)
                change = self._changes.get(copy.topic, unchanged)
                copier = Copier(
                    *(self._log.address, connection, copy, self._pace, self._told, change)
                )
                stack.push_async_callback(copier.close)
                await copier.resume()
                self._copiers.append(copier)
        wanted = [Wanted(topics[c.topic], c.generation, c.partitions) for c in self._wanted]
        prefix = self._wanted[0].prefix
        await administration.make(self._log.address, prefix, wanted, embedded=self._embedded)
        for copy in self._wanted:
            await self._check(copy)

    async def _check(self, copy: Copy) -> None:
        """Both sides have the partitions that are recorded. Raises Fatal."""
        source = await self._log.partitions(copy.source) or 0
        beyond = range(copy.former_partitions, source)
        ends = await self._log.end_offsets(copy.source, beyond) if beyond else {}
        if source < copy.former_partitions or any(ends.values()):
            raise Fatal(
                f"{copy.source} has {source} partitions with records, "
                f"but {copy.former_partitions} are recorded."
            )
        target = await self._log.partitions(copy.target)
        if target != copy.partitions:
            raise Fatal(
                f"{copy.target} is there already with {target} partitions; "
                "`rapport topics abandon` deletes it."
            )

    def _told(self, topic: str, records: int) -> None:
        self._news.told(topic, records, max(records, self._ends.get(topic, 0)))

    async def _open_again(self) -> None:
        """Let topics be appended to that a call which was killed has left fenced."""
        names = [copy.topic for copy in self._wanted]
        cluster = await administration.look(self._log.address, self._wanted[0].prefix, names)
        fenced = [copy for copy in self._wanted if cluster.fenced(copy.source)]
        if fenced:
            await open_again(self._log.address, self._members, fenced)

    async def _follow(self) -> None:
        """Copy until nearly nothing is left. Raises Fatal where it never comes to that."""
        last, in_vain, left = 0, 0, 0
        while in_vain < IN_VAIN:
            ends, began = await self._look(), monotonic()
            await self._reach(ends)
            left = self._left(await self._look())
            if left <= NEARLY or monotonic() - began < SOON:
                return
            in_vain = in_vain + 1 if last and left >= last else 0
            last = left
        raise Fatal(
            f"Records arrive as fast as they are copied ({left} are left); "
            "copy with a higher --rate, or at a quieter time: it goes on from here."
        )

    async def _look(self) -> dict[str, dict[int, int]]:
        """The ends of all that is copied."""
        ends = {
            copier.copy.topic: await self._log.end_offsets(
                copier.copy.source, range(copier.copy.former_partitions)
            )
            for copier in self._copiers
        }
        self._aim(ends)
        return ends

    def _aim(self, ends: Mapping[str, Mapping[int, int]]) -> None:
        self._ends = {topic: sum(offsets.values()) for topic, offsets in ends.items()}
        for copier in self._copiers:
            self._told(copier.copy.topic, copier.records)

    def _left(self, ends: Mapping[str, Mapping[int, int]]) -> int:
        return sum(copier.behind(ends[copier.copy.topic]) for copier in self._copiers)

    async def _reach(self, ends: Mapping[str, Mapping[int, int]]) -> None:
        for copier in self._copiers:
            await copier.reach(ends[copier.copy.topic])

    async def _switch(self) -> None:
        """Fence, copy the rest, compare, record; whatever fails before the record is taken back."""
        try:
            async with asyncio.timeout(FENCED_AT_MOST):
                await self._finish()
            await self._record()
        except BaseException as error:
            if isinstance(error, TimeoutError):
                error = LogUnavailable(f"the rest was not copied within {FENCED_AT_MOST:.0f} s")
            await self._take_back(error)
            raise error from None

    async def _finish(self) -> None:
        await administration.fence(self._log.address, [copy.source for copy in self._wanted])
        self._news.says("Fenced: nobody can append until the switch is done.")
        failpoint("copy.fenced")
        looks = [
            settled(self._log, copy.source, copy.former_partitions, self._pace.settle)
            for copy in self._wanted
        ]
        offsets = await asyncio.gather(*looks)
        ends = {copy.topic: found for copy, found in zip(self._wanted, offsets, strict=True)}
        self._aim(ends)
        for copier in self._copiers:
            copier.hurry()
        await self._reach(ends)
        for copier in self._copiers:
            await self._compare(copier, ends[copier.copy.topic])
        self._news.says("Compared: every record is there, once and as it must be.")

    async def _compare(self, copier: Copier, ends: Mapping[int, int]) -> None:
        """Both sides hold the same, nothing is left, and nobody else has appended."""
        former, made = copies.total(copier.marks.former), copies.total(copier.marks.next)
        if former != made or copier.behind(ends):
            raise Spoiled(f"{copier.copy.source} has {former}, {copier.copy.target} has {made}.")
        there = await self._log.end_offsets(copier.copy.target, range(copier.copy.partitions))
        if not copier.late and copies.left(copier.marks.next, there):
            raise Spoiled(f"{copier.copy.target} has records that were not copied there.")

    async def _record(self) -> None:
        """Record the next generation as the present one, database by database."""
        for member in self._members:
            async with member.pool.acquire() as connection, connection.transaction():
                await copies.switch(connection, self._wanted)
            failpoint("copy.recorded")
            self._news.says(f"Recorded in the database of {member.name}.")

    async def _take_back(self, error: BaseException) -> None:
        """Open the topics again, unless a database has recorded the next generation.

        Raises Fatal where that cannot be told or done: then the next call finds the topics fenced.
        """
        opening = asyncio.create_task(self._unless_recorded())
        await asyncio.wait([opening], timeout=TAKE_BACK)
        if not opening.done():
            opening.cancel()
            raise Fatal(_STAYS.format(error=describe(error))) from error
        try:
            recorded = opening.result()
        except (LogUnavailable, *ERRORS) as second:
            raise Fatal(_STAYS.format(error=describe(second))) from error
        if recorded:
            raise Fatal(
                f"The switch has begun and is not done ({describe(error)}): run the same again."
            ) from error
        self._news.says("Opened again: nothing has changed.")

    async def _unless_recorded(self) -> bool:
        if await is_switched(self._members, self._wanted):
            return True
        await open_again(self._log.address, self._members, self._wanted)
        return False

    async def _come_late(self) -> None:
        for copier in self._copiers:
            await copier.come_late()

    async def _sweep(self) -> None:
        """Copy what arrived in the former generation although it was fenced: an append that a
        broker was carrying out at that moment."""
        await self._come_late()
        deadline = monotonic() + self._late
        while monotonic() < deadline:
            ends = await self._look()
            if left := self._left(ends):
                self._news.says(f"{left} records came late; they are copied too.")
                await self._reach(ends)
            await asyncio.sleep(min(0.5, self._late))

    def _result(self, copier: Copier, switched: bool) -> Result:
        return Result(copier.copy, copies.total(copier.marks.next), switched)


_STAYS = (
    "The topics stay fenced and take no events ({error}): run the same again to finish, "
    "or `rapport topics abandon` to open them."
)
