"""What happened with a customer: lists, one interaction whole, counts."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shared.database import Pool
from shared.ids import event_id
from tests.contact.answering import SCHEMA, Contact, answering
from tests.records import at, subject

JANE, HOME, OTHER = subject("user:1"), subject("email:a@x"), subject("user:2")


@pytest.fixture
async def contact(pool: Pool) -> AsyncIterator[Contact]:
    async with answering(pool) as contact:
        yield contact


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


async def test_the_history_of_a_subject_is_paged_newest_first(contact: Contact) -> None:
    for n in range(5):
        await contact.tell("page.viewed", "user:1", seconds=n // 2, recorded=10, id=f"e{n}")
    await contact.tell("page.viewed", "user:2")
    paged = await contact.all_pages("/v1/interactions", 2, subject=JANE)
    assert len(paged) == 5
    assert sorted(ids(paged)) == [f"e{n}" for n in range(5)]
    assert [item["time"] for item in paged] == [at(2), at(1), at(1), at(0), at(0)]
    assert {item["recorded"] for item in paged} == {at(10)}
    assert paged == (await contact.get("/v1/interactions", subject=JANE))["data"]


async def test_a_customer_is_all_subjects_that_belong_to_it_now(contact: Contact) -> None:
    await contact.tell("page.viewed", "user:1", id="a")
    await contact.tell("page.viewed", "email:a@x", id="b")
    await contact.tell("page.viewed", "user:2", id="c")

    async def history(**whose: str) -> list[str]:
        return ids((await contact.get("/v1/interactions", **whose))["data"])

    assert await history(customer=JANE) == ["a"]
    await contact.belongs(HOME, JANE)
    assert await history(customer=JANE) == ["b", "a"]
    assert await history(customer=HOME) == ["b", "a"]
    assert await history(subject=HOME) == ["b"]
    assert await history(subject=JANE) == ["a"]
    await contact.belongs(JANE, OTHER)
    await contact.belongs(HOME, OTHER, 2)
    assert await history(customer=JANE) == ["c", "b", "a"]
    await contact.belongs(HOME, HOME, 3)
    await contact.belongs(HOME, OTHER, 2)
    assert await history(customer=OTHER) == ["c", "a"]
    assert await history(customer=HOME) == ["b"]


async def test_a_customer_of_whom_nothing_is_known_has_no_history(contact: Contact) -> None:
    assert (await contact.get("/v1/interactions", customer=OTHER))["data"] == []


async def test_a_history_is_filtered(contact: Contact) -> None:
    await contact.tell("page.viewed", "user:1")
    await contact.tell("call.received", "user:1", channel="phone")
    await contact.tell("email.sent", "user:1", channel="email", direction="outbound")

    async def types(**parameters: Any) -> list[str]:
        found = await contact.get("/v1/interactions", customer=JANE, **parameters)
        return [item["type"] for item in found["data"]]

    assert await types(type=["page.viewed", "email.sent"]) == ["email.sent", "page.viewed"]
    assert await types(channel=["phone", "email"]) == ["email.sent", "call.received"]
    assert await types(direction="inbound") == ["call.received", "page.viewed"]
    assert await types(**{"from": at(2), "to": at(3)}) == ["call.received"]
    assert await types(**{"from": "2026-01-01T01:00:02+01:00", "limit": 1}) == ["email.sent"]


async def test_an_event_from_the_future_happened_when_it_was_recorded(contact: Contact) -> None:
    await contact.tell("page.viewed", "user:1", seconds=100, recorded=3)
    (item,) = (await contact.get("/v1/interactions", subject=JANE))["data"]
    assert item["time"] == at(3)


async def test_one_interaction_is_the_event_as_it_stands_in_the_log(contact: Contact) -> None:
    await contact.belongs(HOME, JANE)
    told = await contact.tell("page.viewed", "email:a@x", id="é\u2028", url="/x")
    event = event_id("/tests", "é\u2028")
    found = await contact.get(f"/v1/interactions/{event}")
    assert found == {
        "event": event,
        "subject": HOME,
        "customer": JANE,
        "position": told.place.position(),
        "record": msgspec.json.decode(told.value),
    }
    (listed,) = (await contact.get("/v1/interactions", subject=HOME))["data"]
    assert listed["data"] == found["record"]["data"]
    missing = await contact.ask(f"/v1/interactions/{event_id('/tests', 'no')}")
    assert missing.status_code == 404


async def test_of_events_of_one_name_the_subject_chooses(contact: Contact) -> None:
    for who in ("user:1", "user:2"):
        await contact.tell("page.viewed", who, id="same")
    await contact.belongs(OTHER, JANE)
    path = f"/v1/interactions/{event_id('/tests', 'same')}"
    answer = await contact.ask(path)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "several_subjects")
    listed = {one["subject"]: one for one in problem["subjects"]}
    assert listed.keys() == {JANE, OTHER}
    assert {one["customer"] for one in listed.values()} == {JANE}
    for who, one in listed.items():
        assert (await contact.get(path, subject=who))["position"] == one["position"]
    assert (await contact.ask(path, subject=HOME)).status_code == 404


DAY = 24 * 3600


async def test_interactions_are_counted_per_day_and_channel(contact: Contact) -> None:
    for day, channel, who in [
        (0, "web", "user:1"),
        (0, "web", "user:2"),
        (0.99999, "phone", "email:a@x"),
        (1, "web", "email:a@x"),
        (40, "web", "user:1"),
    ]:
        await contact.tell("page.viewed", who, seconds=day * DAY, channel=channel)
    await contact.tell("call.received", "user:1", seconds=DAY, channel="phone")
    await contact.belongs(HOME, JANE)

    async def counted(**parameters: Any) -> list[tuple[str, str, int]]:
        january = {"from": "2026-01-01", "to": "2026-02-01"}
        found = await contact.get("/v1/interactions/counts", **(january | parameters))
        assert found["from"] == "2026-01-01"
        return [(c["day"][-2:], c["channel"], c["interactions"]) for c in found["data"]]

    all_ = [("01", "phone", 1), ("01", "web", 2), ("02", "phone", 1), ("02", "web", 1)]
    assert await counted() == all_
    assert await counted(to="2026-01-02") == all_[:2]
    assert await counted(channel="web") == [all_[1], all_[3]]
    assert await counted(type="call.received") == [all_[2]]
    of_jane = [("01", "phone", 1), ("01", "web", 1), ("02", "phone", 1), ("02", "web", 1)]
    assert await counted(customer=HOME) == of_jane
    assert await counted(subject=JANE) == [("01", "web", 1), ("02", "phone", 1)]
    assert await counted(subject=JANE, type="page.viewed", channel="web") == [("01", "web", 1)]


async def test_without_days_the_last_thirty_are_counted(contact: Contact) -> None:
    found = await contact.get("/v1/interactions/counts")
    assert found["data"] == []
    assert found["from"] < found["to"]


EVENT = f"/v1/interactions/{event_id('/tests', '1')}"
WRONG = [
    ("/v1/interactions", "/query/customer"),
    (f"/v1/interactions?customer={JANE}&subject={JANE}", "/query/subject"),
    ("/v1/interactions?customer=x", "/query/customer"),
    (f"/v1/interactions?subject={JANE}&limit=0", "/query/limit"),
    (f"/v1/interactions?subject={JANE}&limit=201", "/query/limit"),
    (f"/v1/interactions?subject={JANE}&channel=pigeon", "/query/channel/0"),
    (f"/v1/interactions?subject={JANE}&direction=up", "/query/direction/0"),
    (f"/v1/interactions?subject={JANE}&type=a%00b", "/query/type/0"),
    (f"/v1/interactions?subject={JANE}&from=yesterday", "/query/from"),
    (f"/v1/interactions?subject={JANE}&from=2026-01-01T00:00:00", "/query/from"),
    (f"/v1/interactions?subject={JANE}&from=0001-01-01T00:00:00%2B14:00", "/query/from"),
    (f"/v1/interactions?subject={JANE}&since=2026-01-01T00:00:00Z", "/query/since"),
    (f"/v1/interactions?subject={JANE}&cursor=abc", "/query/cursor"),
    (f"/v1/interactions?subject={JANE}&min_position=x", "/query/min_position"),
    (f"/v1/interactions?subject={JANE}&min_position=other.1/0/0", "/query/min_position"),
    (f"/v1/interactions?subject={JANE}&min_position=interactions.1/2/0", "/query/min_position"),
    (f"/v1/interactions?subject={JANE}&min_position=interactions.1/0/{2**70}", None),
    ("/v1/interactions/not-a-uuid", "/path/event"),
    (f"{EVENT}?subject=x", "/query/subject"),
    (f"{EVENT}?limit=5", "/query/limit"),
    ("/v1/interactions/counts?from=2026-01-02&to=2026-01-02", "/query/from"),
    ("/v1/interactions/counts?from=2025-01-01&to=2026-06-01", "/query/from"),
    ("/v1/interactions/counts?from=0001-01-01", "/query/from"),
    ("/v1/interactions/counts?to=9999-12-31", "/query/to"),
    ("/v1/interactions/counts?from=x", "/query/from"),
    ("/v1/interactions/counts?cursor=x", "/query/cursor"),
    (f"/v1/interactions/counts?customer={JANE}&subject={JANE}", "/query/subject"),
]


async def test_a_wrong_parameter_is_named(contact: Contact) -> None:
    for path, pointer in WRONG:
        answer = await contact.client.get(path, headers=contact.headers("read"))
        problem = answer.json()
        assert answer.status_code == 422, (path, problem)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["errors"][0]["pointer"] == (pointer or "/query/min_position"), path


async def test_a_cursor_is_good_for_its_own_list_only(contact: Contact) -> None:
    for _ in range(2):
        await contact.tell("page.viewed", "user:1")
    page = await contact.get("/v1/interactions", subject=JANE, limit=1)
    cursor = page["next_cursor"]
    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    for parameters in (
        {"subject": JANE, "cursor": flipped},
        {"subject": OTHER, "cursor": cursor},
        {"customer": JANE, "cursor": cursor},
        {"subject": JANE, "channel": "web", "cursor": cursor},
    ):
        answer = await contact.ask("/v1/interactions", **parameters)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/query/cursor"
    assert (await contact.ask("/v1/quarantine", cursor=cursor)).status_code == 422


async def test_an_answer_that_the_caller_has_is_not_sent_again(contact: Contact) -> None:
    told = await contact.tell("page.viewed", "user:1")
    event = event_id("/tests", str(msgspec.json.decode(told.value)["id"]))
    for path in (f"/v1/interactions?subject={JANE}", f"/v1/interactions/{event}"):
        headers = contact.headers("read")
        tag = (await contact.client.get(path, headers=headers)).headers["etag"]
        answer = await contact.client.get(path, headers=headers | {"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")


async def test_a_read_waits_for_a_position(contact: Contact) -> None:
    told = await contact.tell("page.viewed", "user:1")
    asked: dict[str, str] = {"subject": JANE, "min_position": told.place.position()}
    answer = await contact.ask("/v1/interactions", **asked)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_yet")
    assert answer.headers["retry-after"]
    await contact.site.pool.execute(
        f"INSERT INTO {SCHEMA}.checkpoints (topic, generation, partition, next_offset)"
        " VALUES ('interactions', 1, 0, $1)",
        told.place.offset + 1,
    )
    assert len((await contact.get("/v1/interactions", **asked))["data"]) == 1


async def test_every_operation_asks_for_its_scope(contact: Contact) -> None:
    reads = ["/v1/interactions", "/v1/interactions/counts", EVENT]
    for path in [*reads, "/v1/quarantine", f"/v1/quarantine/{JANE}"]:
        for headers, status, code in [
            (contact.headers("ingest"), 403, "forbidden"),
            (contact.headers("write"), 403, "forbidden"),
            ({"Authorization": "Bearer nothing"}, 401, "unauthenticated"),
            ({}, 401, "unauthenticated"),
        ]:
            answer = await contact.client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
    wrong = contact.headers("ops")
    assert (await contact.client.get("/v1/interactions", headers=wrong)).status_code == 403
