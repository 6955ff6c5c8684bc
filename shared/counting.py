"""What is counted as it happens: plain numbers on the hot ways."""

from bisect import bisect_left

from prometheus_client import Counter

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the classes of latency, in seconds."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

FOLDED = Counter("rapport_folded_events", "Events folded into a view here.", ["schema"])
PARKED = Counter("rapport_newly_parked_events", "Events set aside here.", ["schema"])


class Latencies:
    """A histogram of plain numbers, for hot ways."""

    __slots__ = ("classes", "total")

    def __init__(self) -> None:
        self.classes = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.classes[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Requests:
    """Answered requests by method, route and status, and how long each route took."""

    def __init__(self) -> None:
        self.answered: dict[tuple[str, str, int], int] = {}
        self.seconds: dict[str, Latencies] = {}

    def count(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """`route` is the path as it is declared, never as it was asked for.

        `seconds` None: how long it took says nothing, as of a stream that goes on while it is read.
        """
        key = (method if method in METHODS else "other", route, status)
        self.answered[key] = self.answered.get(key, 0) + 1
        if seconds is None:
            return
        latencies = self.seconds.get(route)
        if latencies is None:
            latencies = self.seconds[route] = Latencies()
        latencies.observe(seconds)


REQUESTS = Requests()
"""Of this process. The hot route of ingest keeps numbers of its own."""
