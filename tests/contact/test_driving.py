"""From the quarantine through the same door again, fixed or as it is; or given up."""

import base64
import gzip
from typing import Any

import httpx
import msgspec
import pytest

from services.contact import keys
from services.contact.bounding import look
from services.contact.closing import Act
from services.contact.discarding import keep_within
from services.contact.queries.bounds import Bounds, Usage, usage
from services.contact.turns import Turns
from shared.clock import now, rfc3339
from shared.ids import event_id, uuid7
from shared.leases import Lease, LeaseLost
from tests.contact.answering import SCHEMA, Contact
from tests.contact.folding import fold_all
from tests.contact.sending import TRACE
from tests.records import subject
from tests.waiting import until

SOME_AMOUNT = [{"op": "add", "path": "/data/amount", "value": 4990}]
IN_EUR = [*SOME_AMOUNT, {"op": "add", "path": "/data/currency", "value": "EUR"}]


def order(user: str, **attributes: Any) -> dict[str, Any]:
    """An order that is refused: it has no amount."""
    who = [{"kind": "user", "value": user}]
    return {"type": "order.placed", **attributes, "data": {"identifiers": who, "order": user}}


async def refused(live: Contact, answer: httpx.Response) -> dict[str, Any]:
    """The item that an answer's request came to, folded."""
    assert answer.status_code in (200, 400, 413, 415, 422), answer.text
    await fold_all(live)
    listed = (await live.get("/v1/quarantine", limit=1))["data"]
    found: dict[str, Any] = await live.get(f"/v1/quarantine/{listed[0]['id']}")
    return found


async def sent_by(live: Contact, secret: str, event: dict[str, Any]) -> httpx.Response:
    """What a key that was made just now is answered, once it is known."""
    found: list[httpx.Response] = []

    async def known() -> bool:
        headers = {"Authorization": f"Bearer {secret}"}
        found.append(await live.client.post("/v1/events", json=event, headers=headers))
        return found[-1].status_code != 401

    await until(known)
    return found[-1]


async def drive(live: Contact, id: str, status: int = 200, **body: Any) -> dict[str, Any]:
    query = {"dry_run": str(body.pop("dry_run", False)).lower()}
    answer = await live.client.post(
        f"/v1/quarantine/{id}/drive", json=body, params=query, headers=live.headers("ops")
    )
    assert answer.status_code == status, answer.text
    await fold_all(live)
    found: dict[str, Any] = answer.json()
    return found


async def command(live: Contact, path: str, status: int = 200, /, **body: Any) -> dict[str, Any]:
    answer = await live.client.post(path, json=body, headers=live.headers("ops"))
    assert answer.status_code == status, answer.text
    await fold_all(live)
    found: dict[str, Any] = answer.json()
    return found


async def history(live: Contact, user: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await live.get("/v1/interactions", subject=subject(f"user:shop:{user}"))
    )["data"]
    return found


async def record(live: Contact, driven: dict[str, Any]) -> dict[str, Any]:
    """The record that a driven item came to."""
    (event,) = driven["events"]
    found: dict[str, Any] = msgspec.json.decode((await live.at(event["position"])).value)
    return found


async def test_a_fixed_item_is_an_event_as_if_it_had_been_right_at_once(live: Contact) -> None:
    user = str(uuid7())
    item = await refused(live, await live.post(order(user)))
    assert (await drive(live, item["id"], patch=SOME_AMOUNT))["status"] == "refused"
    driven = await drive(live, item["id"], patch=IN_EUR)
    assert driven["status"] == "driven"
    (one,) = await history(live, user)
    assert one["data"]["amount"] == 4990
    found = await record(live, driven)
    assert (found["ingestkey"], found["actor"]) == ("ingest", "service:ingest")
    assert (found["receivedtime"], found["time"]) == (item["received"], item["received"])
    assert found["recordedtime"] > found["receivedtime"]
    closed = await live.get(f"/v1/quarantine/{item['id']}")
    assert (closed["state"], closed["bytes"], closed["closed_by"]) == (
        "driven",
        None,
        "service:ops",
    )
    assert closed["outcome"]["events"] == driven["events"]


@pytest.mark.parametrize("own", [True, False])
async def test_driven_twice_it_is_one_event(live: Contact, own: bool) -> None:
    user = str(uuid7())
    item = await refused(live, await live.post(order(user, **({"id": user} if own else {}))))
    first = await drive(live, item["id"], patch=IN_EUR)
    again = await drive(live, item["id"], patch=IN_EUR)
    assert (again["status"], again["again"]) == ("driven", True)
    # and where the first time was not noted, because the process died before:
    await live.site.pool.execute(
        f"UPDATE {SCHEMA}.quarantine SET state = NULL, bytes = $2 WHERE id = $1",
        item["id"],
        item["bytes"],
    )
    third = await drive(live, item["id"], patch=IN_EUR)
    assert third["events"][0]["position"] != first["events"][0]["position"]
    assert [one["id"] for one in await history(live, user)] == [user if own else item["id"]]


async def test_refused_again_it_stays_open_with_its_new_reasons_and_nothing_is_kept_twice(
    live: Contact,
) -> None:
    user = str(uuid7())
    item = await refused(live, await live.post(order(user)))
    before = await live.ends()
    made = [await drive(live, item["id"], patch=SOME_AMOUNT) for _ in range(3)]
    assert {reason["pointer"] for one in made for reason in one["reasons"]} == {"/data/currency"}
    now_ = await live.get(f"/v1/quarantine/{item['id']}")
    assert (now_["state"], now_["bytes"]) == ("open", item["bytes"])
    assert now_["reasons"] == made[0]["reasons"]
    grown = {place: end - before[place] for place, end in (await live.ends()).items()}
    assert sum(grown.values()) == 1  # the first time brought news


async def test_a_dry_run_says_what_would_be_and_stores_nothing(live: Contact) -> None:
    user = str(uuid7())
    item = await refused(live, await live.post(order(user)))
    before = await live.ends()
    tried = await drive(live, item["id"], patch=IN_EUR, dry_run=True)
    assert tried["status"] == "valid"
    assert msgspec.json.decode(base64.b64decode(tried["bytes"]))["data"]["currency"] == "EUR"
    tried = await drive(live, item["id"], dry_run=True)
    assert (tried["status"], base64.b64decode(tried["bytes"])) == (
        "refused",
        base64.b64decode(item["bytes"]),
    )
    assert await live.ends() == before


async def test_what_is_no_json_is_replaced_whole(live: Contact) -> None:
    user = str(uuid7())
    item = await refused(live, await live.send(b'{"type": "order.placed", '))
    right = order(user)
    right["data"] |= {"amount": 1, "currency": "EUR"}
    made = await drive(live, item["id"], patch=[{"op": "replace", "path": "", "value": right}])
    assert made["status"] == "driven"
    assert len(await history(live, user)) == 1


async def test_headers_are_fixed_too(live: Contact) -> None:
    user = str(uuid7())
    body = b'{"identifiers": [{"kind": "user", "value": "%s"}]}' % user.encode()
    named = {"ce-id": user, "ce-type": "note.taken", "ce-specversion": "1.0", "ce-source": " "}
    answer = await live.client.post(
        "/v1/events",
        content=body,
        headers=live.headers("ingest") | {"Content-Type": "application/json"} | named,
    )
    item = await refused(live, answer)
    assert (await drive(live, item["id"]))["status"] == "refused"
    made = await drive(live, item["id"], headers={"ce-source": "/desk"})
    assert (await record(live, made))["source"] == "/desk"


async def test_what_came_under_no_dialect_is_let_in_by_its_right_name(live: Contact) -> None:
    user = str(uuid7())
    event = msgspec.json.encode({"type": "note.taken", "id": user, "source": "/desk"})
    item = await refused(live, await live.send(event, media="text/csv"))
    assert item["code"] == "unsupported_media_type"
    made = await drive(live, item["id"], headers={"content-type": "application/json"})
    assert (await record(live, made))["id"] == user


async def test_an_item_of_an_array_is_driven_alone(live: Contact) -> None:
    user = str(uuid7())
    good = {"type": "note.taken", "source": "/desk", "id": f"{user}-good"}
    await live.post([good, order(user)])
    item = await refused(live, await live.post([good, order(user)]))
    assert item["around"] == ["[", "]"]
    made = await drive(live, item["id"], patch=IN_EUR)
    assert [event["id"] for event in made["events"]] == [item["id"]]


async def test_an_item_of_a_cloudevents_batch_is_driven_in_its_dialect(live: Contact) -> None:
    user = str(uuid7())
    event = {**order(user), "specversion": "1.0", "id": user, "source": "/x"}
    media = "application/cloudevents-batch+json"
    item = await refused(live, await live.send(msgspec.json.encode([event]), media=media))
    assert (await drive(live, item["id"], patch=IN_EUR))["status"] == "driven"


async def test_a_call_of_a_batch_keeps_what_the_batch_said(live: Contact) -> None:
    user = str(uuid7())
    call = {"type": "track", "userId": user, "timestamp": "2026-01-31T11:59:00Z"}
    batch = {
        "batch": [call],
        "context": {"campaign": {"name": "spring"}},
        "integrations": {"All": False},
        "sentAt": "2026-01-31T12:00:00Z",
        "writeKey": live.secrets["ingest"],
    }
    packed = gzip.compress(msgspec.json.encode(batch))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await live.client.post("/v1/batch", content=packed, headers=headers)
    item = await refused(live, answer)
    assert (item["path"], item["code"]) == ("/v1/batch", "required")
    patch = [{"op": "add", "path": "/event", "value": "Signed Up"}]
    made = await drive(live, item["id"], patch=patch)
    found = await record(live, made)
    assert found["data"]["body"]["context"] == {"campaign": {"name": "spring"}}
    assert found["data"]["body"]["integrations"] == {"All": False}
    received = await record_of_time(live, item)
    assert found["time"] == received
    assert found["source"] == "/keys/ingest"


async def record_of_time(live: Contact, item: dict[str, Any]) -> str:
    """A minute before it was received: so the clock of the client says."""
    return str(
        await live.site.pool.fetchval(
            "SELECT to_char(($1::text::timestamptz - interval '1 minute') AT TIME ZONE 'UTC',"
            """ 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
            item["received"],
        )
    )


async def test_a_whole_array_is_let_in_whole_or_not_at_all(live: Contact) -> None:
    user = str(uuid7())
    item = await refused(live, await live.send(b"[" + msgspec.json.encode(order(user))))
    orders = [order(user), order(user)]
    orders[0]["data"] |= {"amount": 1, "currency": "EUR"}
    patch = [{"op": "add", "path": "", "value": orders}]
    made = await drive(live, item["id"], patch=patch)
    assert (made["status"], len(made["reasons"])) == ("refused", 1)
    assert await history(live, user) == []
    orders[1]["data"] |= {"amount": 2, "currency": "EUR"}
    made = await drive(live, item["id"], patch=patch)
    assert [event["id"] for event in made["events"]] == [item["id"], f"{item['id']}/1"]
    assert len(await history(live, user)) == 2


async def test_the_secrets_of_keys_stand_nowhere(live: Contact) -> None:
    secret = live.secrets["ingest"]
    item = await refused(live, await live.send(b'{"writeKey": "%s"}' % secret.encode()))
    value = {"type": "note.taken", "data": {"said": secret}}
    made = await drive(live, item["id"], patch=[{"op": "add", "path": "", "value": value}])
    assert secret.encode() not in (await live.at(made["position"])).value


async def test_the_checks_are_those_of_the_key_that_sent_it(live: Contact) -> None:
    name = f"till-{uuid7()}"
    secret = await keys.create(
        live.site.pool, name, ["ingest"], "partner:12", namespace="till", source_prefix="/till/"
    )
    user = str(uuid7())
    item = await refused(live, await sent_by(live, secret, order(user)))
    outside = [*IN_EUR, {"op": "add", "path": "/source", "value": "/web"}]
    made = await drive(live, item["id"], patch=outside)
    assert made["reasons"][0]["pointer"] == "/source"
    await keys.revoke(live.site.pool, name)  # what it sent before is still worth something
    made = await drive(live, item["id"], patch=IN_EUR)
    found = await record(live, made)
    assert (found["source"], found["actor"]) == ("/till/", "partner:12")
    assert found["partitionkey"] == subject(f"user:till:{user}")


async def test_all_of_a_reason_are_driven_step_by_step(live: Contact) -> None:
    source, users = f"/desk/{uuid7()}", [str(uuid7()) for _ in range(7)]
    await live.post([order(user, id=user, source=source) for user in users])
    await live.post([order(users[0], id=f"{users[0]}-stays", source=source) | {"data": []}])
    await fold_all(live)
    chosen: dict[str, Any] = {"code": "required", "source": source, "patch": IN_EUR, "limit": 3}
    results, cursor = [], None
    while True:
        page = await command(live, "/v1/quarantine/drive", **chosen, cursor=cursor)
        assert len(page["data"]) <= 3
        results += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [one["status"] for one in results] == ["driven"] * 7
    for user in users:
        assert [one["id"] for one in await history(live, user)] == [user]
    left = (await live.get("/v1/quarantine", source=source, state="open"))["data"]
    assert [one["code"] for one in left] == ["type"]


async def test_a_step_passes_what_stays(live: Contact) -> None:
    source = f"/desk/{uuid7()}"
    await live.post([order(str(n), source=source) for n in range(4)])
    await fold_all(live)
    chosen: dict[str, Any] = {"code": "required", "source": source, "limit": 3}
    page = await command(live, "/v1/quarantine/drive", **chosen)
    assert [one["status"] for one in page["data"]] == ["refused"] * 3
    wrong = [{"op": "remove", "path": "/not/there"}]
    chosen |= {"patch": wrong, "cursor": page["next_cursor"]}
    page = await command(live, "/v1/quarantine/drive", **chosen)
    assert [one["status"] for one in page["data"]] == ["unchanged"]
    assert page["data"][0]["reasons"][0]["pointer"] == "/patch/0"
    last = await command(live, "/v1/quarantine/drive", **chosen | {"cursor": page["next_cursor"]})
    assert last == {"data": [], "next_cursor": None}


async def test_what_is_given_up_is_no_longer_there_but_in_the_log(live: Contact) -> None:
    item = await refused(live, await live.send(b"{"))
    path = f"/v1/quarantine/{item['id']}/discard"
    await command(live, path, 422, reason="")
    assert (await command(live, path, reason="A test"))["status"] == "discarded"
    assert (await command(live, path, reason="A test"))["again"]
    gone = await live.get(f"/v1/quarantine/{item['id']}")
    assert (gone["state"], gone["bytes"]) == ("discarded", None)
    assert gone["outcome"] == {"reason": "A test"}
    kept = msgspec.json.decode((await live.at(gone["position"])).value)
    assert kept["data"]["bytes"] == item["bytes"]


async def test_no_state_is_left_by_what_does_not_belong_to_it(live: Contact) -> None:
    user = str(uuid7())
    item = await refused(live, await live.post(order(user)))
    discard = f"/v1/quarantine/{item['id']}/discard"
    await drive(live, item["id"], patch=IN_EUR)
    assert (await command(live, discard, 409, reason="x"))["code"] == "driven"
    other = await refused(live, await live.send(b"{"))
    await command(live, f"/v1/quarantine/{other['id']}/discard", reason="x")
    assert (await drive(live, other["id"], 409))["code"] == "discarded"
    nobody = event_id("/x", user)
    assert (await drive(live, nobody, 404))["code"] == "not_found"
    await command(live, f"/v1/quarantine/{nobody}/discard", 404, reason="x")


async def test_all_of_a_reason_are_given_up(live: Contact) -> None:
    source = f"/desk/{uuid7()}"
    await live.post([order(str(n), source=source) for n in range(3)])
    await fold_all(live)
    chosen: dict[str, Any] = {
        "code": "required",
        "source": source,
        "reason": "A broken till",
        "limit": 2,
    }
    found = [await command(live, "/v1/quarantine/discard", **chosen) for _ in range(3)]
    assert [one["discarded"] for one in found] == [2, 1, 0]


async def test_what_only_operators_may_nobody_else_may(live: Contact) -> None:
    item = await refused(live, await live.send(b"{"))
    for scope in ("ingest", "read", "write"):
        for path in (f"{item['id']}/drive", f"{item['id']}/discard", "drive", "discard"):
            answer = await live.client.post(
                f"/v1/quarantine/{path}", json={}, headers=live.headers(scope)
            )
            assert answer.status_code == 403, (scope, path)


async def test_a_view_that_is_behind_decides_nothing(live: Contact) -> None:
    item = await refused(live, await live.send(b"{"))
    await live.send(b"{")  # which is not folded yet
    answer = await live.client.post(
        f"/v1/quarantine/{item['id']}/drive", json={}, headers=live.headers("ops")
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "not_yet")
    await fold_all(live)


# Bounds


async def held(live: Contact) -> Lease:
    await live.site.pool.execute(
        "INSERT INTO leases (schema, unit, owner, epoch, until)"
        " VALUES ($1, 'bounds', 'me', 1, 'infinity') ON CONFLICT DO NOTHING",
        SCHEMA,
    )
    return Lease(SCHEMA, "bounds", "me", 1)


async def many(live: Contact, number: int) -> str:
    """The name of a key that has so many items of 2 bytes."""
    name = f"till-{uuid7()}"
    secret = await keys.create(live.site.pool, name, ["ingest"], "service:till")
    for _ in range(number):
        await sent_by(live, secret, {})
    await fold_all(live)
    return name


@pytest.mark.parametrize(
    ("bounds", "left", "which"),
    [
        (Bounds(3, 1000, 1), 3, "items"),
        (Bounds(100, 5, 1), 2, "bytes"),
        (Bounds(100, 1000, 0.0), 0, "days"),
        (Bounds(5, 10, 1), 5, None),
    ],
)
async def test_beyond_its_bounds_the_oldest_of_a_key_are_set_aside(
    live: Contact, bounds: Bounds, left: int, which: str | None
) -> None:
    name = await many(live, 5)
    site = live.site
    before = (await live.get("/v1/quarantine", key=name))["data"]
    turns = Turns(site.pool, site.log, live.topics, site.settings.topic_prefix)
    act = Act("service:contact", "", rfc3339(now()), TRACE)
    found = await keep_within(turns, await held(live), name, bounds, act, now())
    assert found == 5 - left
    await fold_all(live)
    after = (await live.get("/v1/quarantine", key=name))["data"]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [one["state"] for one in after] == ["open"] * left + ["discarded"] * (5 - left)
    for one in after[left:]:
        assert one["outcome"] == {"reason": "bound", "detail": which}
        assert (await live.get(f"/v1/quarantine/{one['id']}"))["bytes"] is None
    used = [each for each in await usage(site.pool, SCHEMA, now()) if each.key == name]
    assert sum(each.items for each in used) == left


async def test_whoever_lost_the_lease_sets_nothing_aside(live: Contact) -> None:
    name = await many(live, 2)
    site, lease = live.site, await held(live)
    turns = Turns(site.pool, site.log, live.topics, site.settings.topic_prefix)
    with pytest.raises(LeaseLost):
        await look(
            site.pool, turns, Lease(SCHEMA, "bounds", "me", lease.epoch + 1), Bounds(1, 1, 1)
        )
    assert await look(site.pool, turns, lease, Bounds(10**6, 10**9, 365)) == 0
    states = [one["state"] for one in (await live.get("/v1/quarantine", key=name))["data"]]
    assert states == ["open", "open"]


def test_operators_are_warned_when_most_of_a_bound_is_used() -> None:
    bounds = Bounds(100, 1000, 10)
    assert [*Usage("till", 79, 799, 7.9).near(bounds)] == []
    said = [*Usage("till", 80, 801, 8.0).near(bounds)]
    assert len(said) == 3
    assert "till has 80 of at most 100 items" in said[0]
