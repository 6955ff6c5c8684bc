"""The law over HTTP: whatever is asked of leads, right or stale, no state is illegal and sums hold.

Random commands come to the real API over a real database. After each run the board's value is the
sum over its leads, what is kept of every stream is the fold of its events, and versions count them.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.consumers import DECIDERS
from shared.clock import now, rfc3339
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import send

STAGES = ("new", "contacted", "offer", "nowhere")
STATES = {"open", "won", "lost", "merged"}
TAKEN = {200, 201, 409, 412, 422}
MONEY: tuple[dict[str, Any], ...] = (
    *({}, {"amount": 100, "currency": "EUR"}, {"amount": 7, "currency": "JPY"}),
    {"amount": 1, "currency": "EURO"},
)
ENDS: dict[str, str] = {"win": "won", "lose": "lost", "reopen": "open", "unmerge": "open"}

SAID = st.tuples(
    st.sampled_from(
        [
            *("capture", "capture", "describe", "move", "move", "assign", "win", "lose"),
            *("reopen", "merge", "unmerge", "bulk", "sync"),
        ]
    ),
    st.integers(0, 5),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, -1, 5]),
)
"""What, of which lead, how, and by how much the version is not the one that stands."""


class Run:
    """One run: three customers, and the leads that they come to have."""

    def __init__(self, leads: Leads, number: int) -> None:
        self.leads, self.number = leads, number
        self.ids: list[str] = []
        self.asked = 0

    async def say(self, what: str, which: int, how: int, off: int) -> None:
        self.asked += 1
        if what == "capture":
            await self.capture(which, how)
        elif not self.ids:
            return
        elif what == "bulk":
            await self.bulk(how, off)
        elif what == "sync":
            await self.sync(self.ids[which % len(self.ids)], how, off)
        else:
            await self.one(what, self.ids[which % len(self.ids)], how, off)

    async def capture(self, who: int, how: int) -> None:
        known = [{"kind": "email", "value": f"{who % 3}@{self.number}.example"}]
        body = {"identifiers": known, "title": "Pots", "source": "/shop", "channel": "web"}
        answer = await send(self.leads, "/v1/leads", body | MONEY[how])
        assert answer.status_code in TAKEN, answer.text
        if answer.status_code == 201:
            self.ids.append(answer.json()["id"])

    async def version(self, id: str) -> int:
        found = await self.leads.ask(f"/v1/leads/{id}")
        assert found.headers["etag"] == f'"{found.json()["version"]}"'
        return int(found.json()["version"])

    def body(self, what: str, how: int) -> dict[str, Any]:
        other = self.ids[how % len(self.ids)]
        return {
            "describe": {"fields": {"budget": how}, **MONEY[how]},
            "move": {"stage": STAGES[how]},
            "assign": {"owner": f"representative:{how}", "reason": "near"},
            "win": MONEY[how],
            "lose": {"reason": ("price", "no answer", "unheard of", "price")[how]},
            "reopen": {"reason": "called again"},
            "merge": {"into": other},
            "unmerge": {"reason": "two people"},
        }[what]

    async def one(self, what: str, id: str, how: int, off: int) -> None:
        stands = await self.version(id)
        path = f"/v1/leads/{id}" + ("" if what == "describe" else f"/{what}")
        method = "PATCH" if what == "describe" else "POST"
        answer = await send(
            *(self.leads, path, self.body(what, how), "service:app", max(1, stands + off)), method
        )
        assert answer.status_code in TAKEN, answer.text
        if max(1, stands + off) != stands:
            assert answer.status_code == 412
        if answer.status_code == 200:
            self.came_to(what, how, answer.json())
        else:
            assert await self.version(id) == stands

    def came_to(self, what: str, how: int, found: Any) -> None:
        assert found["state"] in STATES
        assert found["stage"] in STAGES[:3]
        if what in ENDS:
            assert found["state"] == ENDS[what]
        if what == "move":
            assert found["stage"] == STAGES[how]

    async def bulk(self, how: int, off: int) -> None:
        stands = [await self.version(id) for id in self.ids]
        sent = [max(1, each + off * (n % 2)) for n, each in enumerate(stands)]
        items = [
            {"id": id, "version": version, "stage": STAGES[how]}
            for id, version in zip(self.ids, sent, strict=True)
        ]
        answer = await send(self.leads, "/v1/leads/move", {"items": items})
        found = answer.json()["data"]
        assert [each["id"] for each in found] == self.ids
        for result, stood, named in zip(found, stands, sent, strict=True):
            assert result["status"] in TAKEN
            assert (result["status"] == 412) == (stood != named)
            assert await self.version(result["id"]) == result["version"]

    async def sync(self, id: str, how: int, off: int) -> None:
        stands = await self.version(id)
        made: dict[str, Any] = {"lead": id, "made": rfc3339(now()), "version": max(1, stands + off)}
        kinds = ("move", "visit", ("win", "lose", "describe", "move")[how])
        report = {"text": "Saw them.", "outcome": "fine"}
        commands = [
            made
            | {"id": f"{self.number}.{self.asked}.{n}", "kind": kind}
            | {"body": report if kind == "visit" else self.body(kind, how)}
            for n, kind in enumerate(kinds)
        ]
        body = {"device": "tablet", "commands": commands}
        first = (await send(self.leads, "/v1/leads/sync", body)).json()["results"]
        events = sum(each.get("events", 0) for each in first)
        assert await self.version(id) == stands + events
        assert first[1]["outcome"] == "done"
        if made["version"] != stands:
            assert [each["status"] for each in first] == [412, 200, 424]
        again = (await send(self.leads, "/v1/leads/sync", body)).json()["results"]
        assert again == first
        assert await self.version(id) == stands + events


async def board_is_the_sum_over_its_leads(leads: Leads) -> None:
    board = await leads.get("/v1/boards/sales", limit=1)
    wanted: Counter[tuple[str, str | None]] = Counter()
    value: Counter[tuple[str, str]] = Counter()
    listed = await leads.all_pages("/v1/leads", 200, state__eq="open", pipeline__eq="sales")
    for each in listed:
        wanted[each["stage"], None] += 1
        if each["currency"] is not None:
            wanted[each["stage"], each["currency"]] += 1
            value[each["stage"], each["currency"]] += each["amount"]
    assert board["leads"] == len(listed)
    for column in board["columns"]:
        stage = column["stage"]
        assert column["leads"] == wanted[stage, None]
        shown = {each["currency"]: (each["leads"], each["amount"]) for each in column["amounts"]}
        assert shown == {
            currency: (wanted[stage, currency], value[stage, currency])
            for of, currency in value
            if of == stage
        }


async def what_is_kept_is_the_fold(pool: Pool) -> None:
    deciders = {decider.category: decider for decider in DECIDERS}
    events: dict[UUID, list[tuple[int, str, Any]]] = {}
    for row in await pool.fetch("SELECT stream, version, type, record FROM events ORDER BY 1, 2"):
        data = msgspec.json.decode(row["record"])["data"]
        events.setdefault(row["stream"], []).append((row["version"], row["type"], data))
    kept = await pool.fetch("SELECT stream, category, version, state FROM streams")
    assert {row["stream"] for row in kept} == events.keys()
    for row in kept:
        decider, told = deciders[row["category"]], events[row["stream"]]
        assert [version for version, _, _ in told] == [*range(1, row["version"] + 1)]
        folded = decider.fold(
            msgspec.convert(data, decider.events[type_]) for _, type_, data in told
        )
        assert msgspec.json.decode(row["state"], type=decider.states) == folded


async def nobody_has_two_open_leads(leads: Leads) -> None:
    listed = await leads.all_pages("/v1/leads", 200, state__eq="open")
    counted = Counter((each["pipeline"], each["subject"]) for each in listed)
    assert not [each for each, many in counted.items() if many > 1]


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


@settings(
    max_examples=int(os.environ.get("RUNS", "6")),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[
        *(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
    ],
)
@given(said=st.lists(SAID, min_size=10, max_size=18))
async def test_whatever_is_asked_no_state_is_illegal_and_sums_hold(
    leads: Leads, pool: Pool, said: Sequence[tuple[str, int, int, int]]
) -> None:
    leads.told += 1  # the runs share a database, and each has customers of its own
    run = Run(leads, leads.told)
    for step in said:
        await run.say(*step)
    await leads.settle()
    await board_is_the_sum_over_its_leads(leads)
    await nobody_has_two_open_leads(leads)
    await what_is_kept_is_the_fold(pool)
