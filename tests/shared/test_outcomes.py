"""Errors are told apart, waits are bounded, and a tally knows when it is too much."""

import uuid

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DatabaseUnavailable, LogUnavailable
from shared.outcomes import Park, Retry, Tally, backoff, classify


async def test_errors_are_told_apart() -> None:
    away: list[Exception] = [
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.SerializationError("serialization"),
        asyncpg.DiskFullError("disk full"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.InvalidCachedStatementError("stale plan"),
        DatabaseUnavailable("away"),
        LogUnavailable("away"),
        TimeoutError(),
    ]
    assert {type(classify(error)) for error in away} == {Retry}
    bad: list[Exception] = [
        asyncpg.CheckViolationError("no"),
        asyncpg.DataError("no integer"),
        asyncpg.InterfaceError("two arguments, not one"),
        asyncpg.UndefinedColumnError("no"),
        KeyError("no"),
    ]
    assert {type(classify(error)) for error in bad} == {Park}


@given(st.integers(0, 10_000))
def test_waits_are_bounded(attempt: int) -> None:
    assert 0 < backoff(attempt) <= 2.0


@given(st.lists(st.one_of(st.none(), st.integers(0, 99)), max_size=3000))
def test_a_tally_is_bounded_and_knows_its_streak(story: list[int | None]) -> None:
    tally, streak = Tally(), set[uuid.UUID]()
    for ordinal, subject in enumerate(story):
        if subject is None:
            tally, streak = tally.good(), set()
            continue
        named = uuid.UUID(int=subject)
        worse = tally.parked(named, ordinal)
        streak.add(named)
        assert set(worse.streak) == streak
        if worse.verdict() is not None:
            return
        tally = worse
    assert len(tally.streak) < 50
    assert len(tally.recent) < 50
