"""From POST to visible in the profile, everything in one process, at an even pace."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import cores
from bench.probe import PACE, Order, Saw
from bench.programs import served, told
from bench.report import Row
from bench.stage import OWNED, Stage
from services import banner
from shared.errors import Fatal

EVENTS = 12_500
AIM = 500.0
"""Milliseconds."""


def measure(stage: Stage) -> list[Row]:
    """`python -m services`, as `make run` starts it."""
    environment = stage.environment("visible")
    stage.make_topics("visible", OWNED)
    command = [sys.executable, "-m", "services"]
    with served(command, "ours", environment, where=cores.ALL) as server:
        data = Path(environment["RAPPORT_DATA"])
        _probe(server.port, data, PACE * 2, "w")  # warms up
        saw = _probe(server.port, data, stage.times(EVENTS, PACE * 5), "v")
    note = f"{saw.pace:.0f} events/s posted, p50 {_ms(saw.posted, 0.5):.1f} ms to the answer"
    return [
        *_rows("visible by its own identifier", saw.own, note),
        *_rows("visible by a weaker identifier, resolved", saw.weaker, note),
    ]


def _probe(port: int, data: Path, count: int, run: str) -> Saw:
    keys = banner.keys(data)
    order = Order("127.0.0.1", port, count, run, keys["ingest"], keys["read"])
    command = [sys.executable, "-m", "bench.probe"]
    saw = msgspec.json.decode(told(command, msgspec.json.encode(order).decode()), type=Saw)
    if saw.failed:
        raise Fatal(f"From POST to visible: {saw.failed}.")
    return saw


def _rows(what: str, seconds: Sequence[float], note: str) -> list[Row]:
    against = f"{len(seconds)} events looked for"
    return [
        Row(f"{what}: p50", "ms", _ms(seconds, 0.50), against, None, None, note=note),
        Row(f"{what}: p99", "ms", _ms(seconds, 0.99), against, None, None, AIM, at_most=True),
    ]


def _ms(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1000
