"""Acknowledged ingest: the door beside a bare endpoint and beside FastAPI as one would write it."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from bench.load import Order
from bench.programs import Measured, Server, contestant, served
from bench.progress import say
from bench.report import Row, paired
from bench.stage import OWNED, Stage
from services import banner
from shared.log import Topic

SECONDS = {"singles": 1.5, "batches": 0.8}
"""Of each round of a contestant, about."""

BATCH = 100
CONTESTANTS = {"singles": ("bare", "idiomatic"), "batches": ("parsing", "least", "idiomatic")}

Rounds = Mapping[str, Sequence[Measured]]


def singles(stage: Stage) -> list[Row]:
    """One event a request, 64 connections."""
    found = _rounds(stage, "singles", Order("", 0, 0, ""), guess=4_000)
    return [
        *_against(found, "one event", "bare ASGI, body read", "bare", 0.35),
        *_against(found, "one event", "FastAPI, send_and_wait", "idiomatic", 3.5),
    ]


def batches(stage: Stage) -> list[Row]:
    """A hundred events a request, 16 connections."""
    order = Order("", 0, 0, "", size=BATCH, connections=16)
    found = _rounds(stage, "batches", order, guess=20_000)
    return [
        *_against(found, "100 events", "bare ASGI, msgspec parsing", "parsing", 0.40),
        *_against(found, "100 events", "FastAPI, gather of send_and_wait", "idiomatic", 5.0),
        paired(
            *("the least for 100 events: hashed, encoded, framed", "us/event"),
            *([one.cost for one in found["least"]], "bare ASGI, msgspec parsing"),
            [one.cost for one in found["parsing"]],
            less_is_better=True,
            note="what a door cannot leave out: no keys, limits, checks; nothing sent",
        ),
    ]


def _against(found: Rounds, what: str, against: str, name: str, aim: float) -> list[Row]:
    ours, theirs = found["ours"], found[name]
    cost = paired(
        f"ingest, {what}: CPU",
        "us/event",
        [one.cost for one in ours],
        against,
        [one.cost for one in theirs],
        less_is_better=True,
        aim=aim,
    )
    rates = [[one.rate for one in those] for those in (ours, theirs)]
    rate = paired(f"ingest, {what}: throughput", "events/s", rates[0], against, rates[1])
    return [cost, rate]


def _rounds(stage: Stage, kind: str, order: Order, guess: int) -> dict[str, list[Measured]]:
    """All contestants one after the other, again and again; the first time warms them up."""
    environment, seconds = stage.environment(kind), SECONDS[kind] * min(1.0, stage.scale)
    stage.make_topics(kind, [*OWNED, Topic("idiomatic")])
    with ExitStack() as stack:
        stack.enter_context(stage.apart())
        ours = [sys.executable, "-m", "services.contact", "--api"]
        servers = {"ours": stack.enter_context(served(ours, "ours", environment))}
        secret = banner.keys(Path(environment["RAPPORT_DATA"]))["ingest"]
        for name in CONTESTANTS[kind]:
            servers[name] = stack.enter_context(contestant(name, environment))
        orders = {
            name: _calibrated(server, replace(order, secret=secret), guess, seconds)
            for name, server in servers.items()
        }
        found: dict[str, list[Measured]] = {name: [] for name in servers}
        for number in range(stage.rounds):
            for name, server in servers.items():
                measured = server.load(replace(orders[name], run=f"{name}-{number}"))
                found[name].append(measured)
                say(f"{kind}, {name}: {measured.cost:.1f} us/event, {measured.rate:,.0f} events/s")
    return found


def _calibrated(server: Server, order: Order, guess: int, seconds: float) -> Order:
    """A load that takes about the time of a round; finding out warms the server up."""
    target = "/v1/batches" if order.size and server.name == "idiomatic" else "/v1/events"
    first = replace(order, target=target, run=f"{server.name}-w", count=_whole(guess, order))
    rate = server.load(first).rate
    return replace(first, count=_whole(int(rate * seconds), order))


def _whole(count: int, order: Order) -> int:
    """A count of events that fills whole bodies, at least one a connection."""
    size = order.size or 1
    return max(count // size, order.connections) * size
