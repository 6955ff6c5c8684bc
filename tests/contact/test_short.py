"""The short way into the log: what it lets in is what the door lets in, and it refuses nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec
import pytest
from typing_extensions import override

from services.contact.app import SERVICE
from services.contact.door import Door
from services.contact.intake import Intake
from shared.auth import Key
from shared.direct import Waiting
from tests.contact.answering import Contact
from tests.contact.examples import SENT
from tests.contact.test_hostile import SPOKEN, cases, everything
from tests.contact.test_log_away import TOPICS, Ring, away
from tests.contact.test_log_away import Lanes as Logged
from tests.records import SECRET
from tests.socketed import Socketed, socketed

DIFFERS = frozenset(("receivedtime", "recordedtime", "traceparent"))
"""What one event has not twice the same."""


async def post(short: Socketed, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    headers = {**headers, "Content-Type": "application/json"}
    return await short.client.post("/v1/events", content=body, headers=headers)


def said(answer: httpx.Response) -> Any:
    """An answer without what no two have in common."""
    document = answer.json()
    for each in (document, *document.get("results", ())):
        for name in ("position", "trace_id"):
            each.pop(name, None)
    return answer.status_code, answer.headers["content-type"], document


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in DIFFERS}


async def both_ways(live: Contact, bodies: list[bytes]) -> int:
    """Send all of them in both ways; how many went the short one. Asserts that both are alike."""
    headers = live.headers("ingest")
    before = await live.ends()
    ordinary = [await live.send(body) for body in bodies]
    between = await live.ends()
    first = await everything(live, before, "interactions")
    async with socketed(SERVICE.app(live.site)) as short:
        await post(short, b"[]", headers)  # its head is known from now on
        alike = [await post(short, body, headers) for body in bodies]
    second = await everything(live, between, "interactions")
    for body, one, other in zip(bodies, ordinary, alike, strict=True):
        assert said(one) == said(other), body
    assert sorted(map(str, map(kept, first))) == sorted(map(str, map(kept, second)))
    let_in = [body for body, one in zip(bodies, ordinary, strict=True) if one.status_code == 202]
    assert set(short.taken) <= {*let_in}  # but for those that came when keys were to be read again
    return len(short.taken)


async def test_hostile_json_is_answered_and_kept_alike_in_both_ways(live: Contact) -> None:
    sent = [case.document for case in cases(SPOKEN["native"])]
    sent = [each for each in sent if each.startswith(b'{"id"')]  # others are given one by the door
    timed = [each.replace(b'{"id"', b'{"time":"2026-11-02T10:00:00Z","id"', 1) for each in sent]
    assert await both_ways(live, timed) >= 100


async def test_every_known_type_is_answered_and_kept_alike_in_both_ways(live: Contact) -> None:
    sent = [
        msgspec.json.encode({**each, "id": f"short-{n}"}) for n, each in enumerate(SENT.values())
    ]
    timed = [each[:-1] + b',"time":"2026-11-02T10:00:00Z"}' for each in sent]
    assert await both_ways(live, timed) >= len(timed) // 2 >= 15


async def test_what_asks_for_more_than_one_event_to_be_let_in_goes_the_ordinary_way(
    live: Contact,
) -> None:
    event = b'{"type":"note.taken"}'
    ingest = live.headers("ingest")
    other: list[tuple[str, Mapping[str, str], bytes, int]] = [
        ("/v1/events", ingest, b"[" + event + b"]", 200),
        ("/v1/events?validate=true", ingest, event, 200),
        ("/v1/events", {**ingest, "Content-Type": "application/cloudevents+json"}, event, 422),
        ("/v1/events", {**ingest, "Content-Encoding": "gzip"}, event, 400),
        ("/v1/events", {**ingest, "Origin": "https://shop.example"}, event, 202),
        ("/v1/events", live.headers("read"), event, 403),
        ("/v1/events", {"Authorization": "Bearer nobody"}, event, 401),
        ("/v1/events", {}, event, 401),
    ]
    async with socketed(SERVICE.app(live.site)) as short:
        for path, headers, body, status in other:
            headers = {"Content-Type": "application/json", **headers}
            for _ in range(2):
                answer = await short.client.post(path, content=body, headers=headers)
                assert answer.status_code == status, (path, headers, answer.text)
    assert short.taken == []


async def test_the_trace_of_the_request_is_carried_on(live: Contact) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = live.headers("ingest") | {"traceparent": trace}
    async with socketed(SERVICE.app(live.site)) as short:
        while not short.taken:
            answer = await post(short, b'{"type":"note.taken"}', headers)
            record = msgspec.json.decode((await live.at(answer.json()["position"])).value)
            assert record["traceparent"][3:35] == trace[3:35]


# What else decides


class Stale:
    """What was declared, not looked at for too long after the head was."""

    asked = 0

    @property
    def is_fresh(self) -> bool:
        self.asked += 1
        return self.asked == 1

    async def look(self) -> None:
        """Nothing is found."""


class Forgetting(Ring):
    """A ring that knew somebody once."""

    asked = 0

    @override
    def at_hand(self, header: bytes) -> Key | None:
        self.asked += 1
        return super().at_hand(header) if self.asked == 1 else None


def take_of(log: Logged, ring: Ring, declared: Stale | None = None) -> Callable[[], Waiting | None]:
    """Take one event behind a head that is known."""
    door = Door(log, ring, Intake(SECRET), TOPICS, declared=declared)
    headers = {b"authorization": b"Bearer x", b"content-type": b"application/json"}
    take = door.takers["/v1/events"](headers)
    assert take is not None
    return lambda: take(b'{"id":"1","type":"note.taken"}', None)


async def test_a_known_head_lets_nobody_in_whose_key_is_not_at_hand() -> None:
    log = Logged(lambda topic, partition: True)
    assert take_of(log, Ring())() is not None
    assert take_of(log, Forgetting())() is None


async def test_nothing_is_taken_before_what_is_declared_is_known() -> None:
    assert take_of(Logged(lambda topic, partition: True), Ring(), Stale())() is None


async def test_one_event_is_unknown_with_the_id_to_send_it_again() -> None:
    waiting = take_of(Logged(away), Ring())()
    assert waiting is not None
    answer = waiting.answer()
    problem = msgspec.json.decode(answer.body)
    assert (answer.status, problem["code"]) == (503, "log_unavailable")
    assert problem["results"] == [{"status": "unknown", "id": "1"}]
    assert int(dict(answer.headers)[b"retry-after"]) > 0


async def test_while_too_many_wait_for_the_log_nothing_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.contact.lanes.MAX_WAITING", 8)
    log = Logged(lambda topic, partition: None)
    take = take_of(log, Ring())
    waiting = [take() for _ in range(8)]
    assert None not in waiting
    assert take() is None
    log.open[0].set_result([7])
    first = waiting[0]
    assert first is not None
    assert msgspec.json.decode(first.answer().body)["position"].endswith("/7")
    assert take() is not None
