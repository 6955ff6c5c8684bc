"""What the door counts: plain numbers, read when Prometheus asks."""

from collections.abc import Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from shared.counting import BOUNDS, Latencies

OUTCOMES = ("accepted", "refused", "unknown", "valid")


class Numbers(Collector):
    """Of the doors of this process."""

    def __init__(self) -> None:
        self.events = dict.fromkeys(OUTCOMES, 0)
        self.turned_away: dict[str, int] = {}
        self.seconds = Latencies()

    def turn_away(self, code: str) -> None:
        """Count a request that was not read."""
        self.turned_away[code] = self.turned_away.get(code, 0) + 1

    @override
    def collect(self) -> Iterable[Metric]:
        events = CounterMetricFamily(
            "rapport_contact_events", "Events at the door by outcome.", labels=["outcome"]
        )
        for outcome, number in self.events.items():
            events.add_metric([outcome], number)
        away = CounterMetricFamily(
            "rapport_contact_turned_away",
            "Requests at the door that were not read.",
            labels=["code"],
        )
        for code, number in sorted(self.turned_away.items()):
            away.add_metric([code], number)
        seconds = HistogramMetricFamily(
            "rapport_contact_ingest_seconds", "From the request to its answer."
        )
        seconds.add_metric([], self._buckets(), self.seconds.total)
        return [events, away, seconds]

    def _buckets(self) -> list[tuple[str, float]]:
        found, total = [], 0
        for bound, number in zip((*map(str, BOUNDS), "+Inf"), self.seconds.classes, strict=True):
            total += number
            found.append((bound, float(total)))
        return found


NUMBERS = Numbers()
REGISTRY.register(NUMBERS)
