"""The CloudEvents SDK, unmodified, at the door: what it sends, and what it reads of the log."""

import base64
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_binary, to_json, to_structured
from cloudevents.v1.http import CloudEvent as OldEvent

from shared.ids import uuid7
from shared.messages import Place, parse_position
from tests.contact.answering import Contact

BATCH = "application/cloudevents-batch+json"


def order(user: str) -> dict[str, Any]:
    return {
        "channel": "web",
        "identifiers": [{"kind": "user", "value": user}],
        "order": f"{user}-1",
        "amount": 4990,
        "currency": "EUR",
    }


def event(type_: str, data: Any, **attributes: Any) -> CloudEvent:
    named = {"id": str(uuid7()), "source": "/web/shop", "type": type_, "subject": "carts/7"}
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    return CloudEvent(named | {"time": moment, "tenant": "eu"} | attributes, data)


async def send(live: Contact, message: http.HTTPMessage) -> httpx.Response:
    headers = live.headers("ingest") | message.headers
    return await live.client.post("/v1/events", content=message.body, headers=headers)


async def read_back(live: Contact, position: str) -> Any:
    """The record at a position, as the SDK reads it of Kafka."""
    place: Place = parse_position(position)
    consumer = AIOKafkaConsumer(bootstrap_servers=live.site.log.address)
    await consumer.start()
    try:
        partition = TopicPartition(place.topic, place.partition)
        consumer.assign([partition])
        consumer.seek(partition, place.offset)
        found = await consumer.getone(partition)
    finally:
        await consumer.stop()
    headers = {name: value for name, value in found.headers}
    return kafka.from_kafka_event(kafka.KafkaMessage(headers, found.key, found.value))


def check(found: Any, sent: CloudEvent) -> None:
    assert (found.get_id(), found.get_source()) == (sent.get_id(), sent.get_source())
    assert (found.get_type(), found.get_time()) == (sent.get_type(), sent.get_time())
    assert found.get_extension("tenant") == "eu"
    assert found.get_data()["producer_subject"] == "carts/7"


@pytest.mark.parametrize("mode", [http.to_structured_event, http.to_binary_event])
async def test_an_order_comes_back_in_a_record_that_is_a_cloudevent(
    live: Contact, mode: Any
) -> None:
    data = order(str(uuid7()))
    for media in ({}, {"datacontenttype": "application/json"}):
        sent = event("order.placed", data, **media)
        answer = await send(live, mode(sent))
        assert (answer.status_code, answer.json()["id"]) == (202, sent.get_id()), answer.text
        found = await read_back(live, answer.json()["position"])
        check(found, sent)
        known = found.get_data()["identifiers"][0]
        assert known["subject"] == found.get_extension("partitionkey")
        assert {**data, "identifiers": [known]}.items() <= found.get_data().items()


@pytest.mark.parametrize("mode", [http.to_structured_event, http.to_binary_event])
@pytest.mark.parametrize(
    ("media", "payload", "kept"),
    [
        ("application/xml", "<gate>é</gate>", {"body": "<gate>é</gate>"}),
        ("image/png", b"\x89PNG\x00", {"body_base64": base64.b64encode(b"\x89PNG\x00").decode()}),
        ("application/json", {"channel": "#general"}, {"body": {"channel": "#general"}}),
    ],
)
async def test_a_foreign_payload_comes_back_whole(
    live: Contact, mode: Any, media: str, payload: Any, kept: dict[str, Any]
) -> None:
    sent = event("com.example.gate.opened", payload, datacontenttype=media)
    answer = await send(live, mode(sent))
    assert answer.status_code == 202, answer.text
    found = await read_back(live, answer.json()["position"])
    check(found, sent)
    assert (kept | {"content_type": media}).items() <= found.get_data().items()


@pytest.mark.parametrize("convert", [to_structured, to_binary])
async def test_the_older_interface_of_the_sdk_delivers_too(live: Contact, convert: Any) -> None:
    attributes = {"type": "order.placed", "source": "/web/shop"}
    old = OldEvent(attributes, order(str(uuid7())))
    headers, body = convert(old)
    answer = await send(live, http.HTTPMessage(headers, body))
    assert (answer.status_code, answer.json()["id"]) == (202, old["id"]), answer.text


async def test_a_batch_is_answered_event_by_event(live: Contact) -> None:
    good = [event("order.placed", order(str(uuid7()))) for _ in range(3)]
    bad = OldEvent({"type": "order.placed", "source": "/web/shop"}, {"order": 7})
    bodies = [*(JSONFormat().write(each) for each in good), to_json(bad)]
    message = http.HTTPMessage({"content-type": BATCH}, b"[" + b",".join(bodies) + b"]")
    answer = await send(live, message)
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["status"] for one in results] == ["accepted"] * 3 + ["refused"]
    assert [one["id"] for one in results] == [*(each.get_id() for each in good), bad["id"]]
    assert results[3]["pointer"].startswith("/3/data/")
    for each, one in zip(good, results[:3], strict=True):
        check(await read_back(live, one["position"]), each)


async def test_an_empty_batch_is_fine(live: Contact) -> None:
    answer = await send(live, http.HTTPMessage({"content-type": BATCH}, b"[]"))
    assert (answer.status_code, answer.json()) == (200, {"results": []})


@pytest.mark.parametrize("mode", [http.to_structured_event, http.to_binary_event])
async def test_an_event_of_64_kib_is_let_in(live: Contact, mode: Any) -> None:
    sent = event("com.example.big", {"filling": "x" * 65_536})
    answer = await send(live, mode(sent))
    assert answer.status_code == 202
    found = await read_back(live, answer.json()["position"])
    assert found.get_data()["filling"] == "x" * 65_536


async def test_what_is_refused_in_binary_mode_is_kept_with_its_headers(live: Contact) -> None:
    before = await live.ends()
    message = http.to_binary_event(event("order.placed", {"order": 7}))
    answer = await send(live, message)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/data/order")
    ((place, end),) = [item for item in (await live.ends()).items() if item[1] > before[item[0]]]
    (record,) = await live.site.log.read(*place, end - 1, 1)
    kept = kafka.from_kafka_event(
        kafka.KafkaMessage(
            {"content-type": b"application/cloudevents+json"}, record.key, record.value
        )
    )
    data = kept.get_data()
    assert isinstance(data, dict)
    assert base64.b64decode(data["bytes"]) == message.body
    sent = {name.lower(): value for name, value in message.headers.items()}
    assert data["headers"] == {name: sent[name] for name in sent if name.startswith("ce-")}


async def test_the_web_hook_handshake_needs_no_key(live: Contact) -> None:
    asked = {"WebHook-Request-Origin": "emitter.example.com", "WebHook-Request-Rate": "120"}
    answer = await live.client.options("/v1/events", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "emitter.example.com"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert answer.headers["allow"] == "POST"


async def test_who_asks_for_nobody_is_told_what_there_is(live: Contact) -> None:
    answer = await live.client.options("/v1/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    asked = {"WebHook-Request-Origin": "no name"}
    assert (await live.client.options("/v1/events", headers=asked)).status_code == 422


async def test_the_trace_of_an_event_in_a_header_is_carried_on(live: Contact) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await send(live, http.to_binary_event(event("a.b", {}, traceparent=trace)))
    record = await live.at(answer.json()["position"])
    assert msgspec.json.decode(record.value)["traceparent"] == trace
