"""The purchases of the demo: post, wait until folded, compare with the file, look."""

from typing import Any, NamedTuple

from services.cli import show
from services.cli.demo import cdnow
from services.cli.demo.api import Api, posting
from services.cli.demo.cdnow import Totals
from shared.clock import monotonic

BATCH = 1000


class Seen(NamedTuple):
    """What the API shows of the purchases."""

    totals: Totals
    best: list[dict[str, Any]]
    profile: dict[str, Any]
    timeline: list[dict[str, Any]]


class Bought(NamedTuple):
    """What the file says, what the API shows, and how many events a second were posted."""

    said: Totals
    seen: Seen
    rate: float

    @property
    def equal(self) -> bool:
        return self.seen.totals == self.said

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "events_per_second": round(self.rate),
            "file": self.said._asdict(),
            "api": self.seen.totals._asdict(),
            "equal": self.equal,
            "best": self.seen.best,
            "profile": self.seen.profile,
            "timeline": self.seen.timeline,
        }

    def show(self) -> None:
        """For people."""
        _print(self.said, self.seen, self.equal)


async def play(api: Api, first: int | None, quiet: bool) -> Bought:
    """Post the purchases, or the first of them, and look at what became of them. Raises Fatal."""
    purchases = cdnow.read()[:first]
    began = monotonic()
    with posting("purchases", len(purchases), quiet) as posted:
        positions = await api.post(cdnow.batches(purchases, BATCH), posted)
    rate = len(purchases) / (monotonic() - began)
    seconds = await api.folded("/v1/customers", positions)
    if not quiet:
        print(f"Folded and resolved {seconds:,.1f} s later.", flush=True)
    return Bought(cdnow.totals(purchases), await _look(api, cdnow.period(purchases)), rate)


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
    return await api.all_pages(
        "/v1/customers",
        **{
            "sort": "-revenue",
            "filter[currency][eq]": cdnow.CURRENCY,
            "filter[first_seen][gte]": f"{period.first}T00:00:00Z",
            "filter[first_seen][lte]": f"{period.last}T00:00:00Z",
        },
    )


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
