"""The leads of the demo: post what they asked, close them as the file says, compare, look."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from services.cli import show
from services.cli.demo import leads
from services.cli.demo.api import Api, each, posting
from services.cli.demo.leads import Asked
from shared.clock import monotonic, now
from shared.errors import Fatal

BATCH = 1000
PATIENCE = 300.0
"""Seconds without any progress after which what was posted is waited for no longer."""

POLL = 0.5
PIPELINE = "sales"
LOST = "no need"
"""Why those are lost that the file does not call converted: it gives no reason."""

CLOSED = {True: "won", False: "lost"}


class Numbers(NamedTuple):
    """What there is to compare: by source (leads, won), by stage, by outcome (points by grade)."""

    sources: dict[str, tuple[int, int]]
    funnel: list[tuple[str, int]]
    grades: dict[str, dict[str, int]]  # of those won and lost: leads by grade
    points: dict[str, float]  # and their mean score

    @property
    def leads(self) -> int:
        return sum(found for found, _ in self.sources.values())

    @property
    def won(self) -> int:
        return sum(won for _, won in self.sources.values())


class Sold(NamedTuple):
    """What the file says and what the API shows."""

    said: Numbers
    seen: Numbers

    @property
    def equal(self) -> bool:
        return self.said == self.seen

    def document(self) -> dict[str, object]:
        """For programs."""
        return {"file": self.said._asdict(), "api": self.seen._asdict(), "equal": self.equal}

    def show(self) -> None:
        """For people."""
        _print(self.said, self.seen, self.equal)


async def play(api: Api, first: int | None, quiet: bool) -> Sold:
    """Post the inquiries and what was seen of who asked, close the leads, look. Raises Fatal.

    All of it is dated at the first start of the deployment: so it is the same whenever it is run.
    """
    rows = leads.read()[:first]
    at = (await api.get("/v1/leads/changes", limit=1))["data"][0]["time"]
    events = [event for row in rows for event in leads.events(row, at)]
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    with posting("inquiries and visits", len(events), quiet) as posted:
        positions = await api.post(batches, posted)
    asking = _Asking(api, sorted({leads.source(row) for row in rows}), at)
    with posting("leads captured", len(rows), quiet) as posted:
        await _until(lambda: asking.total("new"), len(rows), posted)
    await api.folded("/v1/leads", positions)
    await _close(api, asking, rows, quiet)
    return Sold(_said(rows, await api.get("/v1/scoring"), at), await _seen(asking, rows, quiet))


async def _until(count: Callable[[], Any], wanted: int, posted: Callable[[int], None]) -> None:
    """Wait for a number, however long it moves. Raises Fatal where it stands still."""
    found, deadline = 0, monotonic() + PATIENCE
    while found < wanted:
        number = await count()
        if number > found:
            posted(number - found)
            found, deadline = number, monotonic() + PATIENCE
        elif monotonic() > deadline:
            raise Fatal(f"After {PATIENCE:.0f} s there are still {found:,} of {wanted:,} leads.")
        else:
            await asyncio.sleep(POLL)


async def _close(api: Api, asking: "_Asking", rows: Sequence[Asked], quiet: bool) -> None:
    """Win or lose every lead that is open still, and wait until that shows."""
    outcomes = {row.row: row.won for row in rows}
    waiting = [lead for lead in await asking.listed() if lead["state"] == "open"]

    async def close(lead: Mapping[str, Any]) -> None:
        path = f"/v1/leads/{lead['id']}"
        if outcomes[lead["fields"]["row"]]:
            body = {"amount": 0, "currency": "INR"}  # the file has no amounts
            await api.command(path, "win", lead["version"], body)
        else:
            await api.command(path, "lose", lead["version"], {"reason": LOST})

    with posting("leads closed", len(waiting), quiet) as posted:
        await each(waiting, close, posted)
    with posting("shown as closed", len(rows), quiet) as posted:
        await _until(lambda: asking.total("won", "lost"), len(rows), posted)


class _Asking:
    """Questions about the leads of these sources alone."""

    def __init__(self, api: Api, sources: Sequence[str], at: str) -> None:
        self.api = api
        self.at = at
        self._sources = {"filter[source][eq]": [*sources]}
        self._days = {"from": at[:10], "to": str((now() + timedelta(days=1)).date())}

    async def listed(self) -> list[dict[str, Any]]:
        return await self.api.all_pages("/v1/leads", **self._sources)

    async def measured(self, **query: object) -> Any:
        return await self.api.get("/v1/leads/measures", **self._sources, **self._days, **query)

    async def total(self, *names: str) -> int:
        groups = (await self.measured())["data"]
        return sum(group[name]["leads"] for group in groups for name in names)


async def _seen(asking: _Asking, rows: Sequence[Asked], quiet: bool) -> Numbers:
    """The numbers as the API has them; of every lead its score as of the moment it asked."""
    groups = (await asking.measured(by="source", limit=200))["data"]
    funnel = (await asking.measured(**{"filter[pipeline][eq]": PIPELINE}))["funnel"]
    listed = await asking.listed()

    async def score(lead: Mapping[str, Any]) -> tuple[str, str, float]:
        found = await asking.api.get(f"/v1/leads/{lead['id']}/score", as_of=asking.at)
        return lead["state"], found["grade"], found["score"]

    with posting("scores", len(listed), quiet) as posted:
        scores = await each(listed, score, posted)
    return Numbers(
        {group["group"]: (group["new"]["leads"], group["won"]["leads"]) for group in groups},
        [(step["stage"] or "won", step["reached"]) for step in funnel],
        *_scored(scores),
    )


def _said(rows: Sequence[Asked], scoring: Mapping[str, Any], at: str) -> Numbers:
    """The numbers as they follow from the file, and from the rules of scoring."""
    found = Counter(leads.source(row) for row in rows)
    won = Counter(leads.source(row) for row in rows if row.won)
    scores = []
    for row in rows:
        points = leads.points(scoring["rules"], [e["type"] for e in leads.events(row, at)])
        scores.append((CLOSED[row.won], leads.grade(scoring["rules"], points), float(points)))
    stages = ("contacted", "qualified", "proposal", "negotiation", "won")
    return Numbers(
        {source: (found[source], won[source]) for source in sorted(found)},
        [("new", len(rows)), *((stage, sum(won.values())) for stage in stages)],
        *_scored(scores),
    )


def _scored(
    scores: Sequence[tuple[str, str, float]],
) -> tuple[dict[str, dict[str, int]], dict[str, float]]:
    """By outcome: how many have each grade, and the mean of the points."""
    grades = {
        outcome: {
            grade: sum((state, given) == (outcome, grade) for state, given, _ in scores)
            for grade in "ABCD"
        }
        for outcome in CLOSED.values()
    }
    means = {}
    for outcome in CLOSED.values():
        points = [points for state, _, points in scores if state == outcome]
        means[outcome] = round(sum(points) / len(points), 6) if points else 0.0
    return grades, means


def _print(said: Numbers, seen: Numbers, right: bool) -> None:
    print("\nLeads of an education company")
    rows = [
        ("leads", f"{said.leads:,}", f"{seen.leads:,}"),
        ("won", f"{said.won:,}", f"{seen.won:,}"),
    ]
    show.table(["total", ">the file says", ">the API says"], rows)
    print("Equal." if right else "NOT equal.")
    show.table(
        ["stage", ">reached", ">of all"],
        [(stage, f"{n:,}", f"{n / seen.leads:.1%}") for stage, n in seen.funnel],
        title="\nThe funnel",
    )
    largest = sorted(seen.sources.items(), key=lambda item: (-item[1][0], item[0]))
    show.table(
        ["source", ">leads", ">won", ">win rate"],
        [
            (source.removeprefix(f"{leads.SOURCE}/"), f"{n:,}", f"{won:,}", f"{won / n:.1%}")
            for source, (n, won) in largest
        ],
        title="\nWin rate by source",
    )
    show.table(
        ["outcome", ">mean score", *(f">grade {grade}" for grade in "ABCD")],
        [
            (outcome, f"{seen.points[outcome]:.1f}", *(f"{n:,}" for n in by_grade.values()))
            for outcome, by_grade in seen.grades.items()
        ],
        title="\nScores of those won and of those lost, as of the moment they asked",
    )
