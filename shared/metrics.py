"""Numbers for Prometheus: looked up when asked, beside what was counted as it happened."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from typing_extensions import override

from shared.counting import BOUNDS, REQUESTS, Latencies
from shared.crew import Crew
from shared.database import ERRORS
from shared.outcomes import describe
from shared.service import Service, Site
from shared.status import PartitionStatus

LOOK_TIMEOUT = 3.0
"""Seconds that a look at a database may take."""

_PLACE = ["service", "schema", "topic", "partition"]
_logger = logging.getLogger("rapport.metrics")


class Running(Protocol):
    """A service that was opened, as far as its numbers go."""

    @property
    def service(self) -> Service: ...
    @property
    def site(self) -> Site: ...
    @property
    def crews(self) -> Sequence[Crew]: ...


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    @override
    def collect(self) -> Iterable[Metric]:
        return self._families


async def exposition(running: Sequence[Running]) -> bytes:
    """Everything in Prometheus' text format; what cannot be looked up now is left out."""
    counts = await asyncio.gather(*(_counts(each) for each in running))
    families = [
        *_of_requests(),
        *_of_views(running),
        *_of_resources(running),
        *_of_counts({each.service.name: n for each, n in zip(running, counts, strict=True)}),
    ]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    texts = (generate_latest(registry), await asyncio.to_thread(generate_latest, REGISTRY))
    return b"".join(texts)


async def _counts(running: Running) -> Mapping[str, int]:
    """The service's own numbers; none while its database is away."""
    site = running.site
    try:
        async with asyncio.timeout(LOOK_TIMEOUT):
            schema = await site.serving.schema()
            return await running.service.counts(site.pool, schema) if schema else {}
    except ERRORS as error:
        _logger.warning("numbers of %s: %s", running.service.name, describe(error))
        return {}


def _of_counts(counts: Mapping[str, Mapping[str, int]]) -> Iterable[Metric]:
    for service, numbers in counts.items():
        for name, number in numbers.items():
            yield GaugeMetricFamily(f"rapport_{service}_{name}", "See docs/metrics.md.", number)


def _of_resources(running: Sequence[Running]) -> Iterable[Metric]:
    connections = GaugeMetricFamily(
        "rapport_database_connections", "Open, by state.", labels=["service", "state"]
    )
    queued = GaugeMetricFamily("rapport_log_queued_bytes", "Waiting for the log.")
    units = GaugeMetricFamily(
        "rapport_units", "Units of a schema that are worked on here.", labels=["service", "schema"]
    )
    for each in running:
        name, pool = each.service.name, each.site.pool
        idle = pool.get_idle_size()
        connections.add_metric([name, "idle"], idle)
        connections.add_metric([name, "busy"], pool.get_size() - idle)
        for worker in (worker for crew in each.crews for worker in crew.workers):
            units.add_metric([name, worker.schema.name], len(worker.units))
    if running:
        queued.add_metric([], running[0].site.log.queued_bytes)
    return connections, queued, units


_OF_PARTITIONS = {
    "rapport_checkpoint_offset": ("Offset after the last event in the view.", "next_offset"),
    "rapport_end_offset": ("Offset after the last event in the log.", "end"),
    "rapport_lag_events": ("Events in the log that are not in the view.", "lag"),
    "rapport_lag_seconds": ("Age of the oldest event that is not in the view.", "lag_seconds"),
    "rapport_parked_events": ("Events that are set aside now.", "parked"),
}


def _of_requests() -> Iterable[Metric]:
    answered = CounterMetricFamily(
        "rapport_http_requests", "Answered requests.", labels=["method", "route", "status"]
    )
    for (method, route, status), count in REQUESTS.answered.items():
        answered.add_metric([method, route, str(status)], count)
    seconds = HistogramMetricFamily(
        "rapport_http_seconds", "From the request to its answer.", labels=["route"]
    )
    for route, latencies in REQUESTS.seconds.items():
        seconds.add_metric([route], _buckets(latencies), latencies.total)
    return answered, seconds


def _buckets(latencies: Latencies) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them."""
    found, so_far = [], 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), latencies.classes, strict=True):
        so_far += count
        found.append((bound, float(so_far)))
    return found


def _of_views(running: Sequence[Running]) -> Iterable[Metric]:
    rows = [
        (each.service.name, worker.schema.name, row)
        for each in running
        for crew in each.crews
        for worker in crew.workers
        for row in worker.status()
    ]
    yield _of_schemas(running)
    for name, (text, column) in _OF_PARTITIONS.items():
        family = GaugeMetricFamily(name, text, labels=_PLACE)
        for service, schema, row in rows:
            value = getattr(row, column)
            if value is not None:
                family.add_metric(_place(service, schema, row), value)
        yield family
    outcomes = GaugeMetricFamily(
        "rapport_outcome", "1 for the present outcome of folding.", labels=[*_PLACE, "outcome"]
    )
    for service, schema, row in rows:
        outcomes.add_metric([*_place(service, schema, row), row.outcome], 1)
    yield outcomes


def _of_schemas(running: Sequence[Running]) -> Metric:
    serves = GaugeMetricFamily(
        "rapport_schema_serves",
        "1 for the schema that readers read, 0 for another that is folded here.",
        labels=["service", "schema"],
    )
    crews = [(each.service.name, crew) for each in running for crew in each.crews]
    for service, crew in crews:
        for name in sorted(worker.schema.name for worker in crew.workers):
            serves.add_metric([service, name], name in crew.serving)
    return serves


def _place(service: str, schema: str, row: PartitionStatus) -> list[str]:
    return [service, schema, row.topic, str(row.partition)]
