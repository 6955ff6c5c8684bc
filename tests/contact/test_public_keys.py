"""Public keys at the door: what they may send, what counts of it, beacons, and who vouches."""

import gzip
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from services.contact import keys
from services.contact.app import SERVICE
from services.contact.beacon import PATH
from services.contact.granting import Bounds
from services.contact.reading import MAX_BODY
from services.contact.types import TYPES
from shared.auth import PUBLIC
from shared.clock import monotonic, now, rfc3339
from shared.ids import event_id, uuid7
from tests.contact.answering import Contact
from tests.contact.examples import SENT
from tests.contact.public import SECRET, USER, claims, signed
from tests.records import subject

JWK = msgspec.json.encode(SECRET.as_dict(private=True)).decode()
DEVICE = {"kind": "device", "namespace": "shop", "value": "d-0001"}
EMAIL = {"kind": "email", "value": "jane@x"}


@pytest.fixture
async def web(live: Contact) -> str:
    """A public key for all known types and `track`; its name is new each time."""
    return await made(live, *TYPES, "track", token_key=JWK)


async def made(live: Contact, *types: str, **bounds: Any) -> str:
    """A public key of a new name: `name secret`."""
    name = f"web-{uuid7()}"
    given = Bounds(types=types, **bounds)
    pool = live.site.pool
    secret = await keys.create(
        pool, name, [PUBLIC], f"service:{name}", namespace="shop", bounds=given
    )
    ring: Any = live.site.keyring
    ring._tried = ring._read = monotonic() - keys.STALE - 1  # to be read at once, not in a second
    return f"{name} {secret}"


def name_of(key: str) -> str:
    return key.split()[0]


def authorised(key: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.split()[-1]}", "Content-Type": "application/json"} | more


def viewed(*identifiers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "page.viewed", "data": {"identifiers": list(identifiers)}} | more


async def sent(live: Contact, key: str, event: object, **headers: str) -> httpx.Response:
    body = msgspec.json.encode(event)
    return await live.client.post("/v1/events", content=body, headers=authorised(key, **headers))


async def logged(live: Contact, position: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((await live.at(position)).value)
    return found


async def recorded(live: Contact, key: str, event: object, **headers: str) -> dict[str, Any]:
    """The record of an event that is let in."""
    answer = await sent(live, key, event, **headers)
    assert answer.status_code == 202, answer.text
    return await logged(live, answer.json()["position"])


async def beacon(live: Contact, envelope: object, **headers: str) -> httpx.Response:
    """What a page's `sendBeacon` sends."""
    body = envelope if isinstance(envelope, bytes) else msgspec.json.encode(envelope)
    media = {"Content-Type": "text/plain;charset=UTF-8"}
    return await live.client.post(PATH, content=body, headers=media | headers)


def enveloped(key: str, *events: object, **more: Any) -> dict[str, Any]:
    return {"key": key.split()[-1], "events": list(events), **more}


# What counts


async def test_of_a_page_only_the_device_counts_and_the_rest_are_claims(
    live: Contact, web: str
) -> None:
    record = await recorded(
        live, web, viewed(USER, EMAIL, DEVICE, {"kind": "cookie", "value": "c"})
    )
    device = subject("device:shop:d-0001")
    assert record["partitionkey"] == device
    assert record["data"]["identifiers"] == [
        {**USER, "claim": True},
        {**EMAIL, "claim": True},
        {**DEVICE, "subject": device},
        {"kind": "cookie", "value": "c", "namespace": "shop", "claim": True},
    ]


async def test_a_page_cannot_say_that_its_claim_is_none(live: Contact, web: str) -> None:
    said = {**USER, "claim": False, "subject": subject("user:shop:42")}
    record = await recorded(live, web, viewed(said))
    assert record["data"]["identifiers"] == [{**USER, "claim": True}]
    assert record["partitionkey"] == event_id(record["source"], record["id"])


async def test_a_page_cannot_make_one_of_two_devices(live: Contact, web: str) -> None:
    other = {**DEVICE, "value": "d-0002"}
    event = {"type": "identifiers.seen", "data": {"identifiers": [DEVICE, other]}}
    record = await recorded(live, web, event)
    first, second = record["data"]["identifiers"]
    assert first["subject"] == record["partitionkey"] == subject("device:shop:d-0001")
    assert second == {**other, "claim": True}


async def test_what_a_token_vouches_for_counts_and_nothing_else(live: Contact, web: str) -> None:
    token = signed(claims(name_of(web), USER))
    record = await recorded(live, web, viewed(DEVICE, USER, EMAIL), **{"Identity-Token": token})
    user = subject("user:shop:42")
    assert record["partitionkey"] == user
    assert record["data"]["identifiers"] == [
        {**DEVICE, "subject": subject("device:shop:d-0001")},
        {**USER, "subject": user},
        {**EMAIL, "claim": True},
    ]


async def test_with_a_token_that_is_wrong_nothing_is_let_in_and_nothing_is_lost(
    live: Contact, web: str
) -> None:
    before = await live.ends()
    wrong = {"Identity-Token": signed(claims("another"), SECRET)}
    answer = await sent(live, web, viewed(USER), **wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "identity_token")
    assert answer.json()["errors"][0]["pointer"] == "/header/Identity-Token"
    token = signed(claims("another"))
    answer = await beacon(live, enveloped(web, viewed(USER), identity_token=token))
    assert answer.json()["errors"][0]["pointer"] == "/identity_token"
    kept = await since(live, before)
    assert {topic for topic, _ in kept} == {live.site.topics["quarantine"]}
    assert len(kept) == 2
    assert all(token.encode() not in value for _, value in kept)


async def since(live: Contact, before: dict[tuple[str, int], int]) -> list[tuple[str, bytes]]:
    """What was appended since: topic and bytes; in the quarantine the bytes that came."""
    found = []
    for (topic, number), end in (await live.ends()).items():
        for record in await live.site.log.read(topic, number, before[topic, number], 100):
            assert record.place.offset < end
            found.append((topic, record.value))
    return found


async def test_a_server_key_needs_nobody_to_vouch(live: Contact) -> None:
    body = msgspec.json.encode(viewed(USER))
    headers = live.headers("ingest") | {
        "Content-Type": "application/json",
        "Identity-Token": "whatever",
    }
    answer = await live.client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == 202


# Types and sources


async def test_only_types_on_the_list_are_let_in(live: Contact) -> None:
    for allowed in ("order.placed", "com.example.gate.opened"):
        key = await made(live, allowed)
        events = [
            *SENT.values(),
            {"type": "com.example.gate.opened"},
            {"type": "com.example.other"},
        ]
        answer = await sent(live, key, [{**each, "source": None} for each in events])
        results = answer.json()["results"]
        for event, result in zip(events, results, strict=True):
            if event["type"] == allowed:
                assert result["status"] == "accepted", result
            else:
                assert (result["code"], result["pointer"][-5:]) == ("not_allowed", "/type")


async def test_every_type_is_let_in_by_a_key_that_names_it(live: Contact, web: str) -> None:
    answer = await sent(live, web, [{**each, "source": None} for each in SENT.values()])
    assert {result["status"] for result in answer.json()["results"]} == {"accepted"}


def calls(name: str) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """The same event with a source in every dialect: path, headers, body."""
    event = {"specversion": "1.0", "id": "1", "source": name, "type": "page.viewed"}
    binary = {f"ce-{attribute}": value for attribute, value in event.items()}
    structured = {"Content-Type": "application/cloudevents+json"}
    return [
        ("/v1/events", {}, event),
        ("/v1/events", structured, event),
        ("/v1/events", {**binary, "Content-Type": "application/json"}, {}),
    ]


async def test_no_key_can_take_the_ids_of_another_in_any_dialect(live: Contact, web: str) -> None:
    own = f"/keys/{name_of(web)}"
    for source in ("/", "/web", "/keys/shop", own + "2", own[:-1], own.upper()):
        for path, headers, body in calls(source):
            content = msgspec.json.encode(body)
            found = await live.client.post(path, content=content, headers=authorised(web) | headers)
            assert found.status_code == 422, (source, found.text)
            assert found.json()["errors"][0]["pointer"] == "/source"
    for source in (own, own + "/shop", own + "#1"):
        for path, headers, body in calls(source):
            content = msgspec.json.encode(body)
            found = await live.client.post(path, content=content, headers=authorised(web) | headers)
            assert found.status_code == 202, (source, found.text)
    results = (await beacon(live, enveloped(web, viewed(source="/web"), viewed()))).json()[
        "results"
    ]
    assert results[0]["pointer"] == "/events/0/source"
    assert (await logged(live, results[1]["position"]))["source"] == own


async def test_ids_of_segment_calls_are_those_of_the_key(live: Contact, web: str) -> None:
    before = await live.ends()
    call = {"anonymousId": "d-7", "userId": "42", "event": "Tried", "writeKey": web.split()[-1]}
    answer = await live.client.post("/v1/track", content=msgspec.json.encode(call))
    assert answer.status_code == 200
    ((_, value),) = await since(live, before)
    record = msgspec.json.decode(value)
    assert record["source"] == f"/keys/{name_of(web)}"
    assert record["partitionkey"] == subject("device:shop:d-7")
    assert [one.get("claim", False) for one in record["data"]["identifiers"]] == [True, False]


# Beacons


async def test_a_beacon_has_its_key_and_its_token_in_the_body(live: Contact, web: str) -> None:
    token = signed(claims(name_of(web)))
    envelope = enveloped(web, viewed(USER), viewed(DEVICE), identity_token=token)
    answer = await beacon(live, envelope)
    assert answer.status_code == 200, answer.text
    one, other = [await logged(live, each["position"]) for each in answer.json()["results"]]
    assert one["partitionkey"] == subject("user:shop:42")
    assert other["partitionkey"] == subject("device:shop:d-0001")
    assert one["ingestkey"] == name_of(web)


async def test_only_public_keys_may_stand_in_a_body(live: Contact) -> None:
    for scope in ("ingest", "read", "write", "ops"):
        answer = await beacon(live, {"key": live.secrets[scope], "events": [viewed()]})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    wrong: list[object] = [{"events": []}, {"key": "rk_x", "events": []}, {"key": 7}, [], b"", b"{"]
    for envelope in wrong:
        answer = await beacon(live, envelope)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_clock_of_a_page_is_set_right_and_late_events_keep_their_time(
    live: Contact, web: str
) -> None:
    ahead = timedelta(hours=3, seconds=7)
    sent_at = now() + ahead
    happened = sent_at - timedelta(days=2)  # offline since
    envelope = enveloped(web, viewed(time=rfc3339(happened)), sent_at=rfc3339(sent_at))
    (result,) = (await beacon(live, envelope)).json()["results"]
    record = await logged(live, result["position"])
    late = now() - timedelta(days=2)
    assert rfc3339(late - timedelta(minutes=1)) < record["time"] <= rfc3339(late)
    without = enveloped(web, viewed(time=rfc3339(happened)), viewed())
    kept, unsaid = (await beacon(live, without)).json()["results"]
    assert (await logged(live, kept["position"]))["time"] == rfc3339(happened)
    present = await logged(live, unsaid["position"])
    assert present["time"] == present["receivedtime"]


async def test_what_is_wrong_in_a_beacon_is_named_and_kept(live: Contact, web: str) -> None:
    before = await live.ends()
    answer = await beacon(live, enveloped(web, viewed(), {"type": 1}, "x", viewed(time="once")))
    results = answer.json()["results"]
    assert [each["status"] for each in results] == ["accepted", *["refused"] * 3]
    assert [each.get("pointer") for each in results[1:]] == [
        "/events/1/type",
        "/events/2",
        "/events/3/time",
    ]
    for envelope, status in (
        (enveloped(web, sent_at="yesterday"), 422),
        (enveloped(web, sent_at=7), 422),
        ({"key": web.split()[-1], "events": {}}, 422),
        (enveloped(web, *[viewed()] * 1001), 413),
    ):
        assert (await beacon(live, envelope)).status_code == status
    kept = [topic for topic, _ in await since(live, before)]
    assert sorted(kept) == sorted(
        [live.site.topics["interactions"], *[live.site.topics["quarantine"]] * 7]
    )


# Origins


async def test_a_key_for_some_origins_is_not_for_pages_of_others(live: Contact) -> None:
    key = await made(live, "page.viewed", origins=["https://shop.example"])
    for origin, status in (("https://shop.example", 202), ("https://evil.example", 403)):
        assert (await sent(live, key, viewed(), Origin=origin)).status_code == status
        answer = await beacon(live, enveloped(key, viewed()), Origin=origin)
        assert answer.status_code == (200 if status == 202 else 403)
    assert (await sent(live, key, viewed())).status_code == 202


async def test_the_very_requests_of_a_browser_are_answered(live: Contact, web: str) -> None:
    shop = "https://shop.example"
    settings = live.site.settings.model_copy(update={"origins": shop})
    app = SERVICE.app(replace(live.site, settings=settings))
    preflight = {
        "Origin": shop,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,identity-token",
    }
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://contact") as page:
        for path in ("/v1/events", PATH, "/v1/track", "/v1/interactions"):
            answer = await page.options(path, headers=preflight)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
                204,
                shop,
            )
        token = signed(claims(name_of(web)))
        headers = authorised(web, **{"Origin": shop, "Identity-Token": token})
        body = msgspec.json.encode(viewed(USER))
        for content, status in ((body, 202), (b"{", 400)):
            answer = await page.post("/v1/events", content=content, headers=headers)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
                status,
                shop,
            )
        content = msgspec.json.encode(enveloped(web, viewed(DEVICE)))
        plain = {"Content-Type": "text/plain;charset=UTF-8", "Origin": shop}
        assert (await page.post(PATH, content=content, headers=plain)).status_code == 200
        hook = {"WebHook-Request-Origin": "sender.example"}
        answer = await page.options("/v1/events", headers=hook)
        assert answer.headers["webhook-allowed-origin"] == "sender.example"
    refused = await live.client.options("/v1/events", headers=preflight)  # none is allowed there
    assert refused.status_code == 405
    assert "access-control-allow-origin" not in refused.headers


# gzip


def packed(body: object) -> bytes:
    return gzip.compress(msgspec.json.encode(body))


async def test_gzip_is_taken_in_every_dialect(live: Contact, web: str) -> None:
    for path, headers, body in calls(f"/keys/{name_of(web)}"):
        sent_with = authorised(web) | headers | {"Content-Encoding": "gzip"}
        answer = await live.client.post(path, content=packed(body), headers=sent_with)
        assert answer.status_code == 202, answer.text
    batch = authorised(web) | {
        "Content-Type": "application/cloudevents-batch+json",
        "Content-Encoding": "gzip",
    }
    event = calls(f"/keys/{name_of(web)}")[0][2]
    answer = await live.client.post("/v1/events", content=packed([event]), headers=batch)
    assert answer.json()["results"][0]["status"] == "accepted"
    answer = await beacon(live, packed(enveloped(web, viewed())), **{"Content-Encoding": "gzip"})
    assert answer.json()["results"][0]["status"] == "accepted"


async def test_a_bomb_goes_off_in_no_dialect(live: Contact, web: str) -> None:
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    before = await live.ends()
    for path, headers, _ in (*calls("/"), (PATH, {}, {})):
        sent_with = authorised(web) | headers | {"Content-Encoding": "gzip"}
        answer = await live.client.post(path, content=bomb, headers=sent_with)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert await live.ends() == before


async def test_what_cannot_be_unpacked_is_kept_as_it_came(live: Contact, web: str) -> None:
    before = await live.ends()
    good = packed(viewed())
    for body, encoding, status in (
        (good[:-5], "gzip", 400),
        (b"{}", "gzip", 400),
        (good + b"x", "gzip", 400),
        (good, "br", 415),
    ):
        headers = authorised(web) | {"Content-Encoding": encoding}
        answer = await live.client.post("/v1/events", content=body, headers=headers)
        assert answer.status_code == status, answer.text
    assert len(await since(live, before)) == 4


# Rates


async def test_a_key_that_sends_too_much_is_told_when_to_come_again(live: Contact) -> None:
    key = await made(live, "page.viewed", "track", rate=0.5)
    assert (await sent(live, key, [viewed()] * 4)).status_code == 200  # more than there are tokens
    answer = await sent(live, key, viewed())
    assert (answer.status_code, answer.json()["code"]) == (429, "rate")
    assert answer.headers["content-type"] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 4
    assert (await beacon(live, enveloped(key, viewed()))).status_code == 429
    call = {"anonymousId": "d", "event": "Tried", "writeKey": key.split()[-1]}
    answer = await live.client.post("/v1/track", content=msgspec.json.encode(call))
    assert answer.status_code == 429
    assert int(answer.headers["x-ratelimit-reset"]) > now().timestamp() * 1000
    assert (await live.post(viewed())).status_code == 202  # others go on


# What an answer tells


async def test_no_answer_tells_whether_an_identifier_is_known(live: Contact, web: str) -> None:
    known, unknown = (f"{word}-{uuid7()}" for word in ("known", "stran"))
    assert (await live.post(viewed({"kind": "user", "value": known}))).status_code == 202
    for key in (web, f"ingest {live.secrets['ingest']}"):
        for event in ("page.viewed", "identifiers.seen", "customer.described", "order.placed"):
            one, other = [await told(live, key, event, value) for value in (known, unknown)]
            assert one == other
    for send in (beaconed, tracked):
        assert await send(live, web, known) == await send(live, web, unknown)


def masked(answer: httpx.Response) -> tuple[int, object, set[str]]:
    """An answer without ids and positions, which are new each time."""
    content = answer.json()
    items = content.get("results", [content])
    shown = [
        {name: value for name, value in item.items() if name not in ("id", "position", "trace_id")}
        for item in items
    ]
    names = {name for item in items for name in item}
    return answer.status_code, shown, names | {*answer.headers}


async def told(live: Contact, key: str, type_: str, value: str) -> object:
    identifiers = [{"kind": "user", "value": value}, {"kind": "device", "value": value}]
    right = {"type": type_, "data": {"identifiers": identifiers}}
    wrong = {"type": type_, "time": 1, "data": {"identifiers": identifiers}}
    return [masked(await sent(live, key, each)) for each in (right, wrong, [right, wrong])]


async def beaconed(live: Contact, key: str, value: str) -> object:
    who = {"kind": "user", "value": value}
    return masked(await beacon(live, enveloped(key, viewed(who), {"type": 1})))


async def tracked(live: Contact, key: str, value: str) -> object:
    call = {"userId": value, "event": "Tried", "writeKey": key.split()[-1]}
    answer = await live.client.post("/v1/track", content=msgspec.json.encode(call))
    return masked(answer)
