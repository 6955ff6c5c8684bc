"""One profile with 50 timeline rows read, beside a bare route that runs the same SQL."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import uvloop
from msgspec.structs import replace

from bench import cores, events
from bench.load import Order
from bench.programs import Measured, Server, contestant, served
from bench.progress import say
from bench.projection import VIEW, fold_all, opened
from bench.report import Row
from bench.stage import OWNED, PARTITIONS, Stage
from services import banner
from services.profile.resolver import resolve_once
from services.profile.tables import VERSION
from shared import database
from shared.database import in_schema
from shared.log import Log, topic_name
from shared.schemas import prepare

CUSTOMERS = 300
EVENTS_EACH = 60
SHOWN = 50
SECONDS = 2.0
CONNECTIONS = 16


def measure(stage: Stage) -> list[Row]:
    """CPU of the server's process per request."""
    environment = stage.environment("read")
    stage.make_topics("read", OWNED)
    profiles = database.service_url(environment["RAPPORT_DATABASE"], "profile")
    subjects = uvloop.run(_filled(stage.kafka, profiles))
    environment |= {"BENCH_SCHEMA": f"profile_{VERSION}_1", "BENCH_DATABASE": profiles}
    with ExitStack() as stack:
        stack.enter_context(stage.apart())
        contact = [sys.executable, "-m", "services.contact", "--api"]
        door = stack.enter_context(served(contact, "contact", environment, cores.OTHERS))
        environment["RAPPORT_CONTACT_URL"] = f"http://127.0.0.1:{door.port}"
        profile = [sys.executable, "-m", "services.profile", "--api"]
        servers = {
            "ours": stack.enter_context(served(profile, "profile", environment)),
            "query": stack.enter_context(contestant("query", environment)),
        }
        secret = banner.keys(Path(environment["RAPPORT_DATA"]))["read"]
        targets = [f"/v1/customers/{subject}?timeline={SHOWN}" for subject in subjects]
        order = Order("", 0, 0, "", targets=targets, secret=secret, connections=CONNECTIONS)
        return _row(_rounds(stage, servers, order))


def _row(found: Mapping[str, Sequence[Measured]]) -> list[Row]:
    ours, theirs = found["ours"], found["query"]
    ratios = [a.cost / b.cost for a, b in zip(ours, theirs, strict=True)]
    rates = [median(one.rate for one in those) for those in (ours, theirs)]
    return [
        Row(
            what=f"profile with {SHOWN} timeline rows: CPU",
            unit="us/request",
            ours=median(one.cost for one in ours),
            against="bare ASGI, the same SQL, its text",
            theirs=median(one.cost for one in theirs),
            ratio=median(ratios),
            aim=1.9,
            at_most=True,
            note=f"{rates[0]:,.0f} requests/s against {rates[1]:,.0f}",
            rounds=ratios,
        )
    ]


def _rounds(stage: Stage, servers: Mapping[str, Server], order: Order) -> dict[str, list[Measured]]:
    counts = {}
    for name, server in servers.items():
        rate = server.load(replace(order, count=2 * CUSTOMERS)).rate
        counts[name] = max(CONNECTIONS, int(rate * SECONDS * min(1.0, stage.scale)))
    found: dict[str, list[Measured]] = {name: [] for name in servers}
    for _ in range(stage.rounds):
        for name, server in servers.items():
            measured = server.load(replace(order, count=counts[name]))
            found[name].append(measured)
            say(f"read, {name}: {measured.cost:.0f} us/request, {measured.rate:,.0f} requests/s")
    return found


async def _filled(address: str, url: str) -> list[str]:
    """Fold events into the service's own schema and resolve them; the customers."""
    topic = topic_name("read-", "interactions", 1)
    records = events.records(CUSTOMERS * EVENTS_EACH, PARTITIONS, topic, users=CUSTOMERS)
    log = await Log.connect(address)
    try:
        async with opened(url) as pool:
            schema = await prepare(pool, log, VIEW, "read-")
            await fold_all(pool, schema, records)
            while await resolve_once(pool, schema.name):
                continue
            await pool.execute(in_schema("ANALYZE {s}.events", schema.name))
            rows = await pool.fetch(in_schema("SELECT customer FROM {s}.customers", schema.name))
            return [str(row["customer"]) for row in rows]
    finally:
        await log.close()
