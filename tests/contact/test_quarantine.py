"""What was refused at the door, as operators read it."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Pool
from tests.contact.answering import Contact, answering
from tests.records import at, subject


@pytest.fixture
async def contact(pool: Pool) -> AsyncIterator[Contact]:
    async with answering(pool) as contact:
        yield contact


async def test_exactly_what_came_is_given_back(contact: Contact) -> None:
    for raw in (b"{", b"\xff\x00\xfe", b'{"a": "\\u0000"}', b"x" * 300_000):
        await contact.refuse(raw)
    listed = (await contact.get("/v1/quarantine"))["data"]
    assert len(listed) == 4
    found = {}
    for each in listed:
        one = await contact.get(f"/v1/quarantine/{each['id']}")
        assert one == each | {"bytes": one["bytes"], "headers": {}, "around": []}
        found[base64.b64decode(one["bytes"])] = one["size"]
    assert found == {b"{": 1, b"\xff\x00\xfe": 3, b'{"a": "\\u0000"}': 15, b"x" * 300_000: 300_000}


async def test_each_has_its_key_its_reasons_and_its_position(contact: Contact) -> None:
    await contact.refuse(b"{}", seconds=7)
    (one,) = (await contact.get("/v1/quarantine"))["data"]
    assert one.pop("id")
    assert one == {
        "received": at(7),
        "key": "shop",
        "code": "required",
        "reasons": [{"pointer": "/type", "code": "required", "detail": "Why."}],
        "source": "/keys/shop",
        "type": "",
        "path": "/v1/events",
        "content_type": "application/json",
        "size": 2,
        "state": "open",
        "closed": None,
        "closed_by": None,
        "outcome": None,
        "position": "quarantine.1/0/1",
    }


async def test_the_quarantine_is_paged_newest_first_and_filtered(contact: Contact) -> None:
    for n in range(5):
        key, code = ("shop", "desk")[n % 2], ("required", "type", "nul")[n % 3]
        await contact.refuse(b"%d" % n, code, key, seconds=n // 2)

    async def sizes(**parameters: Any) -> list[tuple[str, str]]:
        found = await contact.all_pages("/v1/quarantine", 2, **parameters)
        assert [one["received"] for one in found] == sorted(
            (one["received"] for one in found), reverse=True
        )
        return sorted((one["key"], one["code"]) for one in found)

    assert len(await sizes()) == 5
    assert await sizes(key="desk") == [("desk", "required"), ("desk", "type")]
    assert await sizes(code="type") == [("desk", "type"), ("shop", "type")]
    assert await sizes(key="shop", code="nul") == [("shop", "nul")]
    assert await sizes(**{"from": at(1), "to": at(2)}) == [("desk", "required"), ("shop", "nul")]
    assert await sizes(key="nobody") == []
    assert await sizes(state="driven") == []
    assert len(await sizes(source="/keys/desk", state="open")) == 2


async def test_one_that_was_not_refused_is_not_found(contact: Contact) -> None:
    answer = await contact.ask(f"/v1/quarantine/{subject('user:1')}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


WRONG = [
    ("/v1/quarantine?limit=0", "/query/limit"),
    ("/v1/quarantine?cursor=%F0%9F%92%A9", "/query/cursor"),
    ("/v1/quarantine?key=a%00b", "/query/key"),
    ("/v1/quarantine?from=x", "/query/from"),
    ("/v1/quarantine?channel=web", "/query/channel"),
    ("/v1/quarantine?min_position=quarantine.1/2/0", "/query/min_position"),
    ("/v1/quarantine/x", "/path/id"),
    (f"/v1/quarantine/{subject('user:1')}?bytes=true", "/query/bytes"),
]


async def test_a_wrong_parameter_is_named(contact: Contact) -> None:
    for path, pointer in WRONG:
        answer = await contact.client.get(path, headers=contact.headers("ops"))
        assert answer.status_code == 422, (path, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer, path


async def test_a_cursor_of_other_filters_is_refused(contact: Contact) -> None:
    for _ in range(2):
        await contact.refuse(b"{}")
    cursor = (await contact.get("/v1/quarantine", limit=1))["next_cursor"]
    answer = await contact.ask("/v1/quarantine", cursor=cursor, key="shop")
    assert answer.json()["errors"][0]["pointer"] == "/query/cursor"
