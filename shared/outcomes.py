"""The four outcomes of folding, what counts as which, and when parking has gone too far."""

import random
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import asyncpg

from shared.database import is_transient
from shared.errors import DatabaseUnavailable, LogUnavailable

STREAK_LIMIT = 50
"""Different subjects parked in a row that mean a bad deployment, not bad events."""

RECENT_LIMIT = 50
"""Events parked of the last `RECENT_WINDOW` that mean the same: 5 %."""

RECENT_WINDOW = 1000

MAX_BACKOFF = 2.0
"""Seconds between two tries at most, so that a recovery is noticed at once."""


class Ok(NamedTuple):
    """The batch is in the view, and the checkpoint with it."""


class Retry(NamedTuple):
    """The database or the log is away: hold the partition and try again."""

    error: str


class Park(NamedTuple):
    """This can never be folded: it is set aside with its bytes, its reason and its place."""

    reason: str
    error: str


class Halt(NamedTuple):
    """A bad deployment, not bad events: stop and say so."""

    reason: str


Outcome = Ok | Retry | Park | Halt


def classify(error: Exception) -> Retry | Park:
    """What an error of a fold means, once a lost connection has been told apart from misuse."""
    misuse = isinstance(error, asyncpg.InterfaceError)
    away = isinstance(error, LogUnavailable | DatabaseUnavailable)
    if away or (is_transient(error) and not misuse):
        return Retry(describe(error))
    return Park("failed", describe(error))


def describe(error: BaseException) -> str:
    """One bounded line of text that PostgreSQL can keep."""
    line = (str(error).splitlines() or [""])[0]
    return (
        f"{type(error).__name__}: {line}"[:500]
        .replace("\0", "\\0")
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def backoff(attempt: int) -> float:
    """Seconds to wait before try number `attempt` (from 0): doubling, bounded, jittered."""
    return min(MAX_BACKOFF, 0.05 * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Tally:
    """How much was parked lately in one partition; kept with the view, across restarts.

    `streak` holds the different subjects parked since the last good event, `recent` the ordinals
    (how many events the partition had folded) of the latest parked ones.
    """

    streak: tuple[UUID, ...] = ()
    recent: tuple[int, ...] = ()

    def good(self) -> "Tally":
        """After an event that was folded."""
        return Tally((), self.recent) if self.streak else self

    def parked(self, subject: UUID, ordinal: int) -> "Tally":
        """After an event that was parked as number `ordinal` of its partition."""
        streak = self.streak if subject in self.streak else (*self.streak, subject)
        recent = (*(n for n in self.recent if n > ordinal - RECENT_WINDOW), ordinal)
        return Tally(streak, recent)

    def forgiven(self, subject: UUID, ordinal: int) -> "Tally":
        """After a parked event was retried with success, or discarded by somebody."""
        return Tally(
            tuple(s for s in self.streak if s != subject),
            tuple(n for n in self.recent if n != ordinal),
        )

    def verdict(self) -> str | None:
        """Why this is too much; None while it is not."""
        if len(self.streak) >= STREAK_LIMIT:
            return f"events of {len(self.streak)} different subjects in a row cannot be folded"
        if len(self.recent) >= RECENT_LIMIT:
            return f"{len(self.recent)} of the last {RECENT_WINDOW} events cannot be folded"
        return None
