"""Commands carried out: load a stream, decide, append; again where another was faster."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from shared.database import Pool
from shared.decider import Decider
from shared.deciding.batch import held
from shared.deciding.gathering import Gathering
from shared.deciding.store import MOST_EVENTS, Change, Decided, Kept, Origin, Stale, Taken, load
from shared.deciding.writing import Appended, Writer
from shared.errors import Conflict, PreconditionFailed, Unprocessable

TRIES = 5
"""Times that a command without an expected version is decided anew before it is given up."""


class ClaimTaken(Conflict):
    """Another stream holds what this one claims; `stream` is that one."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(
            "Another one holds what this claims: see `held_by`.",
            code="claim_taken",
            extra={"scope": taken.claim.scope, "held_by": taken.stream},
        )
        self.stream = taken.stream


@dataclass(frozen=True)
class Handled:
    """What came of a command; without events it changed nothing. `position` is None then."""

    stream: str
    version: int
    state: Any
    events: Sequence[Any]
    position: int | None


@dataclass(frozen=True)
class Wanted:
    """A command to a stream, made from the states of all streams that are changed together."""

    decider: Decider[Any, Any, Any]
    stream: str
    command: Callable[[Mapping[str, Any]], Any]
    partitionkey: str
    expected: int | None = None


class CommandHandler:
    """Carries out the commands of one service in one process."""

    def __init__(self, pool: Pool, source: str) -> None:
        self._pool = pool
        self._writer = Writer(pool, source)
        self._streams = Gathering(self._load)
        self._holders = Gathering(self._hold)
        # commands of this process to one stream wait for each other rather than lose
        self._turns = WeakValueDictionary[str, asyncio.Lock]()

    async def load(self, decider: Decider[Any, Any, Any], stream: str) -> Kept:
        """A stream as it stands; version 0 where there is none."""
        return await self._streams.answer((decider, stream))

    async def load_all(
        self, decider: Decider[Any, Any, Any], streams: Iterable[str]
    ) -> dict[str, Kept]:
        async with self._pool.acquire() as connection:
            return await load(connection, decider, streams)

    async def holder(self, scope: str, subjects: Sequence[str]) -> str | None:
        """The stream that holds a claim for the customer of any of the subjects."""
        return await self._holders.answer((scope, subjects))

    async def _load(self, asked: Sequence[tuple[Decider[Any, Any, Any], str]]) -> list[Kept]:
        streams: dict[Decider[Any, Any, Any], set[str]] = {}
        for decider, stream in asked:
            streams.setdefault(decider, set()).add(stream)
        async with self._pool.acquire() as connection:
            found = {
                decider: await load(connection, decider, some) for decider, some in streams.items()
            }
        return [found[decider][stream] for decider, stream in asked]

    async def _hold(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[str | None]:
        scopes = {scope for scope, _ in asked}
        subjects = {subject for _, some in asked for subject in some}
        async with self._pool.acquire() as connection:
            customers, holders = await held(connection, scopes, subjects)

        def holder(scope: str, some: Sequence[str]) -> str | None:
            theirs = (holders.get((scope, customers.get(subject, subject))) for subject in some)
            return next((found for found in theirs if found is not None), None)

        return [holder(*each) for each in asked]

    async def carry_out(
        self,
        decider: Decider[Any, Any, Any],
        stream: str,
        command: Any,
        origin: Origin,
        *,
        partitionkey: str,
        expected: int | None = None,
    ) -> Handled:
        """Decide upon the stream as it stands and append what follows.

        With `expected`, only upon that version of it: else PreconditionFailed. 0 is a stream that
        is not there yet, and is not looked for first. Raises ClaimTaken, Conflict where others were
        faster five times, and whatever the decider raises.
        """
        wanted = Wanted(decider, stream, lambda states: command, partitionkey, expected)
        return (await self.carry_out_all([wanted], origin))[0]

    async def carry_out_all(self, wanted: Sequence["Wanted"], origin: Origin) -> list[Handled]:
        """Commands to different streams, all of them or none. Raises as `carry_out`."""
        if len(wanted) == 1:
            async with self._turn(wanted[0].stream):
                return await self._carry_out_all(wanted, origin)
        async with AsyncExitStack() as stack:
            for stream in sorted({each.stream for each in wanted}):
                await stack.enter_async_context(self._turn(stream))
            return await self._carry_out_all(wanted, origin)

    def _turn(self, stream: str) -> asyncio.Lock:
        return self._turns.setdefault(stream, asyncio.Lock())

    async def _carry_out_all(self, wanted: Sequence["Wanted"], origin: Origin) -> list[Handled]:
        for tries in range(TRIES):
            made = await self._decide(wanted, origin, again=tries > 0)
            changes = [change for change in made if change.decided]
            outcome = await self._writer.append(*changes) if changes else None
            match outcome:
                case Appended(position):
                    return [_handled(change, position) for change in made]
                case Taken():
                    raise ClaimTaken(outcome)
                case None:
                    return [_handled(change, None) for change in made]
                case Stale():
                    pass
        if any(each.expected is not None for each in wanted):
            raise stale(wanted[0].decider.category, None)
        raise Conflict("Others changed this at the same time; try again.", code="contended")

    async def _decide(
        self, wanted: Sequence["Wanted"], origin: Origin, *, again: bool
    ) -> list[Change]:
        if len(wanted) == 1:
            loaded = [await self._wanted(wanted[0], again=again)]
        else:
            loaded = await asyncio.gather(*(self._wanted(each, again=again) for each in wanted))
        kept = {found.stream: found for found in loaded}
        states = {stream: found.state for stream, found in kept.items()}
        changes = []
        for each in wanted:
            found = kept[each.stream]
            if each.expected is not None and found.version != each.expected:
                raise stale(each.decider.category, found.version)
            events = each.decider.decide(found.state, each.command(states))
            if len(events) > MOST_EVENTS:
                raise Unprocessable(f"This would be {len(events)} events: {MOST_EVENTS} at most.")
            after = each.decider.fold(events, found.state)
            decided = [Decided(event, origin) for event in events]
            changes.append(Change(each.decider, found, decided, after, each.partitionkey))
        return changes

    async def _wanted(self, wanted: "Wanted", *, again: bool) -> Kept:
        """The stream as it stands; one that is not to be there only once that turned out wrong."""
        if wanted.expected == 0 and not again:
            return Kept(wanted.stream, 0, wanted.decider.initial)
        return await self.load(wanted.decider, wanted.stream)


def _handled(change: Change, position: int | None) -> Handled:
    version = change.kept.version + len(change.decided)
    events = [decided.event for decided in change.decided]
    return Handled(change.stream, version, change.after, events, position if events else None)


def stale(what: str, version: int | None) -> PreconditionFailed:
    """Another version of something - a lead, a quote - stands than the one in If-Match."""
    stands = "" if version is None else f": version {version} stands"
    return PreconditionFailed(
        f"The {what} was changed meanwhile{stands}. Read it again and send its ETag as If-Match."
    )
