"""How often a feed may be asked for: so many times in a while, in the memory of a process."""

from collections.abc import Callable

from shared.clock import monotonic
from shared.errors import Problem

WHILE = 60.0
"""Seconds."""

MOST_KNOWN = 10_000
"""Tokens that are counted; when there are more, counting begins anew."""


class TooOften(Problem):
    """A feed is asked for more often than any calendar does."""

    status, code, title = 429, "rate", "This calendar is asked for too often"


class Rates:
    """Lets a name pass so many times in a while."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}

    def check(self, name: str) -> None:
        """Count one. Raises TooOften."""
        moment = self._clock()
        since, times = self._seen.get(name, (moment, 0))
        if moment - since >= WHILE:
            since, times = moment, 0
        if times >= self._most:
            wait = max(1, int(WHILE - (moment - since)) + 1)
            detail = f"{self._most} times in {WHILE:g} s: try again in {wait} s."
            raise TooOften(detail, headers={"Retry-After": str(wait)})
        if len(self._seen) >= MOST_KNOWN and name not in self._seen:
            self._seen.clear()
        self._seen[name] = since, times + 1


class Met:
    """Names that were met, the latest of them."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._names: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def remember(self, name: str) -> None:
        """As the latest; the one that was met longest ago makes room."""
        self.forget(name)
        self._names[name] = None
        if len(self._names) > self._most:
            del self._names[next(iter(self._names))]

    def forget(self, name: str) -> None:
        self._names.pop(name, None)
