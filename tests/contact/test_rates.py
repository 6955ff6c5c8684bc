"""Rates: whatever a key does, it gets no more through than its rate allows, and it gets that."""

import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from segment.analytics.request import parse_retry_after

from services.contact.rates import BURST, Rates, TooMany
from shared.auth import Key
from shared.clock import now

KEY = Key("shop", frozenset(["ingest"]), "service:shop")
REQUESTS = st.lists(st.tuples(st.floats(0, 60), st.integers(1, 2500)), max_size=60)


class Clock:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def key_of(rate: float | None, name: str = "shop") -> Key:
    return Key(name, KEY.scopes, KEY.principal, rate=rate)


def is_let_in(rates: Rates, key: Key, events: int) -> bool:
    try:
        rates.check(key)
    except TooMany:
        return False
    rates.spend(key, events)
    return True


@given(st.floats(0.01, 10_000), REQUESTS)
def test_no_more_gets_through_than_the_rate_allows(
    rate: float, requests: list[tuple[float, int]]
) -> None:
    clock = Clock()
    rates, key = Rates(clock=clock), key_of(rate)
    let_in, last = 0, 0
    for pause, events in requests:
        clock.seconds += pause
        if is_let_in(rates, key, events):
            let_in, last = let_in + events, events
        earned = max(rate * BURST, 1.0) + rate * clock.seconds
        assert let_in <= earned + last + 1e-6 * (1 + earned)  # the last one may be larger than that


@given(st.floats(0.01, 10_000), REQUESTS)
def test_who_waits_as_long_as_told_is_let_in(
    rate: float, requests: list[tuple[float, int]]
) -> None:
    clock = Clock()
    rates, key = Rates(clock=clock), key_of(rate)
    for pause, events in requests:
        clock.seconds += pause
        try:
            rates.check(key)
        except TooMany as problem:
            clock.seconds += int(problem.headers["Retry-After"]) + 1e-3
            rates.check(key)
        rates.spend(key, events)


def test_a_key_without_a_rate_is_never_held_back() -> None:
    rates = Rates()
    for _ in range(100):
        assert is_let_in(rates, KEY, 10**9)


def test_a_key_has_its_own_rate_else_that_of_the_deployment() -> None:
    clock = Clock()
    rates = Rates(1.0, clock)
    for key, events in ((KEY, 6), (key_of(100.0, "fast"), 501)):
        assert is_let_in(rates, key, events)
        assert not is_let_in(rates, key, 1)
    clock.seconds = 0.5
    assert is_let_in(rates, key_of(100.0, "fast"), 1)
    assert not is_let_in(rates, KEY, 1)


def test_one_key_takes_nothing_from_another() -> None:
    rates = Rates(1.0, Clock())
    assert is_let_in(rates, KEY, 1000)
    assert is_let_in(rates, key_of(None, "other"), 1)
    with pytest.raises(TooMany, match="shop may send 1 events a second"):
        rates.check(KEY)


def test_segments_sdks_wait_as_long_as_they_are_told() -> None:
    rates, key = Rates(clock=Clock()), key_of(0.1)
    rates.spend(key, 20)  # 19 more than there were: those of 190 s
    before = now().timestamp() * 1000
    with pytest.raises(TooMany) as raised:
        rates.check(key)
    after = now().timestamp() * 1000
    headers = httpx.Headers(raised.value.headers)
    assert parse_retry_after(httpx.Response(429, headers=headers)) == 190
    reset = int(headers["x-ratelimit-reset"])  # for Node: the moment, as its Date.now() has it
    assert math.floor(before) <= reset - 190_000 <= math.ceil(after)
