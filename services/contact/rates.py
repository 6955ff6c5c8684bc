"""How many events a second a key may send: a bucket of tokens each, in the memory of a process."""

import math
from collections.abc import Callable

from shared.auth import Key
from shared.clock import monotonic, now
from shared.errors import Problem

BURST = 5.0
"""Seconds of its rate that a key may send at once after a while of silence."""


class TooMany(Problem):
    """A key has sent more events than its rate allows."""

    status, code, title = 429, "rate", "More events than the rate of the key allows"


class Rates:
    """Lets a request in while its key has tokens left, and takes one for each of its events.

    A request may hold more events than there are tokens: then the next ones wait longer. What is
    counted is of this process; several of them let a key through several times.
    """

    def __init__(
        self, default: float | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        """`default` is the rate of keys that have none of their own; `clock` in seconds."""
        self._default = default
        self._clock = clock
        self._buckets: dict[str, list[float]] = {}  # tokens, and when there were so many

    def check(self, key: Key) -> None:
        """Raises TooMany where a key has no token left."""
        bucket = self._buckets.get(key.name)
        if bucket is None or bucket[0] > 0:
            return  # it had some, and they only grow
        rate = key.rate or self._default
        if rate is None:
            return
        tokens = bucket[0] + (self._clock() - bucket[1]) * rate
        if tokens <= 0:
            raise _too_many(key, rate, -tokens / rate)

    def spend(self, key: Key, events: int) -> None:
        """Take a token for each event."""
        rate = key.rate or self._default
        if rate is None:
            return
        moment = self._clock()
        most = rate * BURST if rate * BURST > 1.0 else 1.0
        bucket = self._buckets.get(key.name)
        if bucket is None:
            self._buckets[key.name] = [most - events, moment]
            return
        tokens = bucket[0] + (moment - bucket[1]) * rate
        bucket[0] = (tokens if tokens < most else most) - events
        bucket[1] = moment


def _too_many(key: Key, rate: float, seconds: float) -> TooMany:
    wait = max(1, math.ceil(seconds))
    reset = math.ceil(now().timestamp() * 1000) + wait * 1000
    return TooMany(
        f"The key {key.name} may send {rate:g} events a second; try again in {wait} s.",
        # Segment's SDKs: for Python, and for Node from 3.1, wait the seconds that the first says;
        # older ones for Node until the second, in milliseconds since 1970.
        headers={"Retry-After": str(wait), "X-RateLimit-Reset": str(reset)},
    )
