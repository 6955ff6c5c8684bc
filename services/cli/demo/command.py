"""The demo from beginning to end: post, wait until folded, compare with the file, look."""

import asyncio
from typing import Any, NamedTuple

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from services import banner
from services.cli import show
from services.cli.demo import cdnow, system
from services.cli.demo.api import Api, Positions
from services.cli.demo.cdnow import Totals
from shared import settings, telemetry
from shared.clock import monotonic

BATCH = 1000


class Seen(NamedTuple):
    """What the API shows of the purchases."""

    totals: Totals
    best: list[dict[str, Any]]
    profile: dict[str, Any]
    timeline: list[dict[str, Any]]


def command(as_json: show.AsJson = False) -> None:
    """Post 69,659 real purchases over HTTP, then show what became of them.

    It takes the system that runs, else starts one for the time being. Running it again changes
    nothing. Exit code 1 where a total is not what the file says.
    """
    chosen = settings.load()
    telemetry.configure(chosen.log_format, level=50)
    purchases = cdnow.read()
    said = cdnow.totals(purchases)
    with system.running(chosen) as url:
        if not as_json:
            print(f"Posting to {url}", flush=True)
        rate, seen = asyncio.run(_play(url, banner.keys(chosen.data), purchases, as_json))
    right = seen.totals == said
    if as_json:
        show.json(
            {
                "events_per_second": round(rate),
                "file": said._asdict(),
                "api": seen.totals._asdict(),
                "equal": right,
                "best": seen.best,
                "profile": seen.profile,
                "timeline": seen.timeline,
            }
        )
    else:
        _print(said, seen, right)
    if not right:
        raise typer.Exit(1)


async def _play(
    url: str, keys: dict[str, str], purchases: list[cdnow.Purchase], quiet: bool
) -> tuple[float, Seen]:
    api = Api(url, keys)
    try:
        began = monotonic()
        positions = await _post(api, purchases, quiet)
        rate = len(purchases) / (monotonic() - began)
        await _folded(api, positions, quiet)
        return rate, await _look(api, cdnow.period(purchases))
    finally:
        await api.close()


async def _post(api: Api, purchases: list[cdnow.Purchase], quiet: bool) -> Positions:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=show.console(), disable=quiet) as bar:
        task = bar.add_task("purchases", total=len(purchases), rate="")
        began = monotonic()

        def posted(count: int) -> None:
            done = bar.tasks[0].completed + count
            bar.update(task, advance=count, rate=f"{done / (monotonic() - began):,.0f} events/s")

        return await api.post(cdnow.batches(purchases, BATCH), posted)


async def _folded(api: Api, positions: Positions, quiet: bool) -> None:
    """Wait until the profile has folded and resolved all that was posted; bounded by the API."""
    began = monotonic()
    for (topic, partition), offset in positions.items():
        position = f"{topic}/{partition}/{offset}"
        await api.get("/v1/customers", limit=1, min_position=position)
    if not quiet:
        print(f"Folded and resolved {monotonic() - began:,.1f} s later.", flush=True)


async def _look(api: Api, period: cdnow.Period) -> Seen:
    customers = await _customers(api, period)
    best = customers[:5]
    profile = await api.get(f"/v1/customers/{best[0]['id']}")
    timeline = await api.get(f"/v1/customers/{best[0]['id']}/timeline", limit=10)
    return Seen(
        Totals(
            len(customers),
            sum(each["orders"] for each in customers),
            sum(each["revenue"] for each in customers),
        ),
        best,
        profile,
        timeline["data"],
    )


async def _customers(api: Api, period: cdnow.Period) -> list[dict[str, Any]]:
    """All customers who first bought in the period of the file, by what they spent."""
    query: dict[str, object] = {
        "sort": "-revenue",
        "limit": 200,
        "filter[currency][eq]": cdnow.CURRENCY,
        "filter[first_seen][gte]": f"{period.first}T00:00:00Z",
        "filter[first_seen][lte]": f"{period.last}T00:00:00Z",
    }
    page = await api.get("/v1/customers", **query)
    found: list[dict[str, Any]] = page["data"]
    while page["next_cursor"]:
        page = await api.get("/v1/customers", **query, cursor=page["next_cursor"])
        found += page["data"]
    return found


def _print(said: Totals, seen: Seen, right: bool) -> None:
    print()
    rows = [
        ("customers", f"{said.customers:,}", f"{seen.totals.customers:,}"),
        ("orders", f"{said.orders:,}", f"{seen.totals.orders:,}"),
        ("dollars", _dollars(said.cents), _dollars(seen.totals.cents)),
    ]
    show.table(["total", ">the file says", ">the API says"], rows)
    print("Equal." if right else "NOT equal.")
    show.table(
        ["customer", ">orders", ">revenue", "first seen", "last seen"],
        [
            (
                e["id"],
                e["orders"],
                _dollars(e["revenue"]),
                e["first_seen"][:10],
                e["last_seen"][:10],
            )
            for e in seen.best
        ],
        title="\nThe five best customers",
    )
    _print_profile(seen.profile)
    show.table(
        ["day", "type", "order", ">amount", "position"],
        [
            (
                row["time"][:10],
                row["type"],
                row["data"]["order"],
                _dollars(row["data"]["amount"]),
                row["position"],
            )
            for row in seen.timeline
        ],
        title="\nIts latest interactions",
    )


def _print_profile(profile: dict[str, Any]) -> None:
    revenue = profile["revenue"].get(cdnow.CURRENCY, {})
    names = [f"{i['kind']} {i['namespace']}:{i['value']}" for i in profile["identifiers"]]
    rows = [
        ("identifiers", ", ".join(names)),
        ("interactions", profile["interactions"]["total"]),
        ("orders", profile["orders"]["count"]),
        ("revenue", _dollars(revenue.get("net", 0))),
        ("average order", _dollars(revenue.get("average", 0))),
        ("last order", str(profile["orders"]["last"])[:10]),
    ]
    show.table(["customer", profile["id"]], rows, title="\nThe best customer's profile")


def _dollars(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02}"
