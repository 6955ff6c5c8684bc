"""Foreign dialects and refused events beside our own events that are accepted, a hundred a body."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from bench.dialects import DIALECTS
from bench.load import Order
from bench.programs import Measured, Server, served
from bench.progress import say
from bench.report import Row, paired
from bench.stage import OWNED, Stage
from services import banner

BATCH, CONNECTIONS = 100, 16
EVENTS = 30_000
"""Events of a round."""


def measure(stage: Stage) -> list[Row]:
    """Throughput of each dialect, of what is refused, and how long accepted ones wait beside it."""
    environment = stage.environment("dialects")
    stage.make_topics("dialects", OWNED)
    with ExitStack() as stack:
        stack.enter_context(stage.apart())
        ours = [sys.executable, "-m", "services.contact", "--api"]
        server = stack.enter_context(served(ours, "ours", environment))
        secret = banner.keys(Path(environment["RAPPORT_DATA"]))["ingest"]
        found = _rounds(stage, server, Order("", 0, 0, "", secret=secret))
    native, what = found["native"], "100 events a body, throughput"
    rates = {name: [one.rate for one in rounds] for name, rounds in found.items()}
    waits = {name: [one.p99 * 1000 for one in rounds] for name, rounds in found.items()}
    against = "our own dialect"
    return [
        *(
            paired(f"{name}: {what}", "events/s", rates[name], against, rates["native"], aim=aim)
            for name, aim in (("cloudevents", 0.7), ("segment", 0.7), ("refused", 0.5))
        ),
        paired(
            *("accepted beside 50 % refused: p99", "ms", waits["half"], "nothing refused"),
            waits["native"],
            less_is_better=True,
            aim=0.5,
            note=f"rounds of {native[0].events:,} events",
        ),
    ]


def _rounds(stage: Stage, server: Server, order: Order) -> dict[str, Sequence[Measured]]:
    count = stage.times(EVENTS, 3_200) // BATCH * BATCH
    base = replace(order, count=count, size=BATCH, connections=CONNECTIONS)
    orders = {
        name: replace(base, dialect=name, target=dialect.target)
        for name, dialect in DIALECTS.items()
    }
    orders["refused"] = replace(base, refused=1)
    orders["half"] = replace(base, refused=2)
    found: dict[str, list[Measured]] = {name: [] for name in orders}
    for number in range(-1, stage.rounds):  # the first warms up
        for name, one in orders.items():
            measured = server.load(replace(one, run=f"{name}-{number}"))
            if number >= 0:
                found[name].append(measured)
                waited = f"p99 {measured.p99 * 1000:.0f} ms"
                say(f"dialects, {name}: {measured.rate:,.0f} events/s, {waited}")
    return dict(found)
