"""Timers: that a due moment came is decided once, and told to the stream that waits for it."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.checkpoints import transaction
from shared.clock import monotonic, now, rfc3339
from shared.database import Connection, Pool, in_schema, is_transient
from shared.decider import Decider
from shared.deciding.store import Change, Decided, Kept, Lost, Origin, append, load
from shared.errors import DatabaseUnavailable, Problem
from shared.failpoints import failpoint
from shared.leases import Lease, Single
from shared.outcomes import describe

PAGE = 200
"""Moments in one transaction."""

POLL = 0.25
LONGEST_PAUSE = 300.0
"""Seconds between two tries of a moment about which the decider fails."""

MOST_FAILING = 1_000
TRIES = 3
"""Times that a page is decided anew where claims cannot be had."""

TIMEOUT = 30.0

_logger = logging.getLogger("rapport.timers")


class Moment(NamedTuple):
    """A moment that a stream waits for; it came at `at`. All times as RFC 3339."""

    stream: str
    name: str
    due: str
    at: str


class _Due(NamedTuple):
    moment: Moment
    id: str
    origin: Origin


@dataclass(frozen=True)
class Timer:
    """Which moments are watched, in which table (see `due`), and what is wanted when one came.

    The view may lag: the decider answers with no events where its stream does not wait for that
    moment any more.
    """

    name: str
    table: str
    decider: Decider[Any, Any, Any]
    command: Callable[[Moment], Any]


def timer(source: str, watched: Timer) -> Single:
    """What keeps a timer up: one worker of the schema that serves, and no other."""

    async def run(pool: Pool, lease: Lease) -> None:
        """Work until cancelled. Raises LeaseLost; what is away is waited for."""
        ticking = Ticking(pool, lease, source, watched)
        failing = False
        while True:
            try:
                busy = await ticking.turn()
                failing = False
            except Exception as error:
                if not (isinstance(error, DatabaseUnavailable) or is_transient(error)):
                    raise
                if not failing:
                    _logger.warning("%s waits: %s", watched.name, describe(error))
                busy, failing = False, True
            if not busy:
                await asyncio.sleep(POLL)

    return Single(watched.name, run, live_only=True)


class _Failed(Exception):
    """The decider fails about one moment; the others go on without it."""

    def __init__(self, due: _Due, error: Exception) -> None:
        super().__init__(describe(error))
        self.due = due


class Ticking:
    """Takes what is due, and appends what follows with the inbox row in one transaction.

    A moment that the inbox has is never taken again: not after a kill, and not by a schema that
    was folded anew.
    """

    def __init__(self, pool: Pool, lease: Lease, source: str, watched: Timer) -> None:
        self._pool = pool
        self._lease = lease
        self._source = source
        self._timer = watched
        self._due = in_schema(_DUE.replace("{table}", watched.table), lease.schema)
        self._failing: dict[str, tuple[float, float]] = {}  # by moment: next try, pause after it

    async def turn(self) -> bool:
        """Work off one page; whether there may be more."""
        refused: set[str] = set()
        for _ in range(TRIES):
            try:
                count = await self._once(refused)
            except _Failed as failed:
                self._put_off(failed)
                return True
            except Lost as lost:
                refused |= lost.refused
            else:
                if count:
                    failpoint("timer.committed")
                return count == PAGE
        raise DatabaseUnavailable("commands were faster each time")

    async def _once(self, refused: Collection[str]) -> int:
        async with asyncio.timeout(TIMEOUT), transaction(self._pool) as connection:
            await self._lease.guard(connection)
            found = await self._take(connection)
            if found:
                await self._decide(connection, found, refused)
                failpoint("timer.written")
        return len(found)

    async def _take(self, connection: Connection) -> list[_Due]:
        at, moment = now(), monotonic()
        later = [id for id, (until, _) in self._failing.items() if until > moment]
        rows = await connection.fetch(self._due, self._timer.name, at, later, PAGE)
        return [
            _Due(
                Moment(str(row["stream"]), row["name"], rfc3339(row["due"]), rfc3339(at)),
                str(row["moment"]),
                Origin(
                    *("timer", "", row["correlation"]),
                    None if row["cause"] is None else str(row["cause"]),
                ),
            )
            for row in rows
        ]

    async def _decide(
        self, connection: Connection, found: Sequence[_Due], refused: Collection[str]
    ) -> None:
        decider = self._timer.decider
        streams = {due.moment.stream for due in found}
        kept = await load(connection, decider, streams, lock=True)
        page = _Page(self._timer, kept)
        outcomes = [page.carry_out(due, refused) for due in found]
        streams_of, ids = [due.moment.stream for due in found], [due.id for due in found]
        await connection.execute(_LOOKED_AT, self._timer.name, streams_of, ids, outcomes)
        if changes := page.changes():
            await append(connection, self._source, changes)
        for due in found:
            self._failing.pop(due.id, None)

    def _put_off(self, failed: _Failed) -> None:
        """Leave a moment for a while: it stays due. Raises where that are too many."""
        if len(self._failing) >= MOST_FAILING:
            raise RuntimeError(f"{MOST_FAILING} moments cannot be decided: {failed}") from failed
        _, pause = self._failing.get(failed.due.id, (0.0, 1.0))
        self._failing[failed.due.id] = monotonic() + pause, min(2 * pause, LONGEST_PAUSE)
        moment = failed.due.moment
        said = (self._timer.name, moment.name, moment.due, moment.stream, failed)
        _logger.error("%s: %s due at %s of %s cannot be decided: %s", *said)


class _Page:
    """The streams of a page, as they are while it is decided."""

    def __init__(self, watched: Timer, kept: Mapping[str, Kept]) -> None:
        self._timer = watched
        self._kept = kept
        self._states = {stream: each.state for stream, each in kept.items()}
        self._decided: defaultdict[str, list[Decided]] = defaultdict(list)

    def carry_out(self, due: _Due, refused: Collection[str]) -> str:
        """Decide about a moment: the outcome. Raises _Failed."""
        stream, decider = due.moment.stream, self._timer.decider
        before = self._states[stream]
        try:
            if self._kept[stream].version == 0:
                raise LookupError("there is no such stream")
            events = decider.decide(before, self._timer.command(due.moment))
            after = decider.fold(events, before)
        except Problem as problem:
            return f"refused: {problem.code}"
        except Exception as error:
            raise _Failed(due, error) from error
        if stream in refused and decider.claims(after) - decider.claims(before):
            return "refused: claim_taken"
        self._states[stream] = after
        self._decided[stream] += [Decided(event, due.origin) for event in events]
        return "decided" if events else "nothing new"

    def changes(self) -> list[Change]:
        decider = self._timer.decider
        return [
            Change(decider, self._kept[stream], decided, self._states[stream], "")
            for stream, decided in self._decided.items()
            if decided
        ]


_DUE = """
SELECT d.stream, d.name, d.due, d.moment, d.cause, d.correlation FROM {s}.{table} d
WHERE d.due <= $2 AND d.moment <> ALL ($3::uuid[]) AND NOT EXISTS (
    SELECT FROM inbox i WHERE i.subject = d.stream AND i.event = d.moment AND i.policy = $1
)
ORDER BY d.due, d.stream, d.name LIMIT $4
FOR UPDATE OF d SKIP LOCKED
"""

_LOOKED_AT = """
INSERT INTO inbox (subject, event, policy, outcome, stream)
SELECT g.stream, g.moment, $1, g.outcome, g.stream
FROM unnest($2::uuid[], $3::uuid[], $4::text[]) g (stream, moment, outcome)
"""
