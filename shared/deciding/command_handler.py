"""Commands carried out: load a stream, decide, append; again where another was faster."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.database import Pool
from shared.decider import Decider
from shared.deciding.store import Change, Decided, Kept, Origin, Stale, Taken, load
from shared.deciding.writing import Appended, Writer
from shared.errors import Conflict, PreconditionFailed

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


class CommandHandler:
    """Carries out the commands of one service in one process."""

    def __init__(self, pool: Pool, source: str) -> None:
        self._pool = pool
        self._writer = Writer(pool, source)

    async def load(self, decider: Decider[Any, Any, Any], stream: str) -> Kept:
        """A stream as it stands; version 0 where there is none."""
        return (await self.load_all(decider, [stream]))[stream]

    async def load_all(
        self, decider: Decider[Any, Any, Any], streams: Iterable[str]
    ) -> dict[str, Kept]:
        async with self._pool.acquire() as connection:
            return await load(connection, decider, streams)

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

        With `expected`, only upon that version of it: else PreconditionFailed. Raises ClaimTaken,
        Conflict where others were faster five times, and whatever the decider raises.
        """
        for _ in range(TRIES):
            kept = await self.load(decider, stream)
            if expected is not None and kept.version != expected:
                raise stale(kept.version)
            events = decider.decide(kept.state, command)
            if not events:
                return Handled(stream, kept.version, kept.state, (), None)
            after = decider.fold(events, kept.state)
            decided = [Decided(event, origin) for event in events]
            outcome = await self._writer.append(Change(decider, kept, decided, after, partitionkey))
            match outcome:
                case Appended(position):
                    version = kept.version + len(events)
                    return Handled(stream, version, after, events, position)
                case Taken():
                    raise ClaimTaken(outcome)
                case Stale():
                    pass
        if expected is not None:
            raise stale(None)
        raise Conflict("Others changed this at the same time; try again.", code="contended")


def stale(version: int | None) -> PreconditionFailed:
    """Another version stands than the one in If-Match."""
    stands = "" if version is None else f" Version {version} stands."
    return PreconditionFailed(f"It was changed meanwhile.{stands} Read it again.")
