"""What the documentation shows is what contact answers."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from services.contact.api import documents, quarantine_documents
from services.contact.app import SERVICE
from services.contact.cloudevents import BATCH, REQUIRED, STRUCTURED
from services.contact.segment.requests import BY_PATH
from services.contact.types import TYPES
from shared.database import Pool
from shared.ids import event_id
from tests.contact.answering import Contact, answering
from tests.contact.examples import SENT
from tests.contact.sending import SENDING, admitted, intake
from tests.records import subject


@pytest.fixture
async def contact(pool: Pool) -> AsyncIterator[Contact]:
    async with answering(pool) as contact:
        yield contact


def operations() -> dict[str, dict[str, Any]]:
    paths: Any = SERVICE.openapi()["paths"]
    return {f"{verb} {path}": made for path, all_ in paths.items() for verb, made in all_.items()}


def test_every_operation_is_described_with_its_problems() -> None:
    found = operations()
    assert len(found) == 31
    open_to_all = found.pop("options /v1/events")
    assert "security" not in open_to_all
    for name, operation in found.items():
        for part in ("summary", "description", "security", "tags"):
            assert operation[part], (name, part)
        wrong = "400" if operation["tags"] == ["segment"] else "422"
        assert {"401", "403", wrong, "503"} <= operation["responses"].keys(), name


def test_the_door_is_described_like_any_other() -> None:
    door = operations()["post /v1/events"]
    expected = {"200", "202", "400", "401", "403", "408", "413", "415", "422", "429", "503"}
    assert door["responses"].keys() == expected
    headers = [f"ce-{name}" for name in REQUIRED]
    assert [each["name"] for each in door["parameters"]] == [
        *("validate", *headers, "Identity-Token")
    ]
    content = door["requestBody"]["content"]
    examples = content["application/json"]["examples"]
    assert admitted(examples["one"]["value"])["type"] in TYPES
    assert isinstance(examples["array"]["value"], list)
    for media, dialect in [
        ("application/cloudevents+json", STRUCTURED),
        ("application/cloudevents-batch+json", BATCH),
    ]:
        body = msgspec.json.encode(content[media]["example"])
        found = dialect.read(body, {}, SENDING)
        events = [found] if isinstance(found, dict) else found
        assert all(intake.admit(event, SENDING).id for event in events if isinstance(event, dict))


@pytest.mark.parametrize("path", BY_PATH)
def test_the_example_of_every_call_of_segment_is_let_in(path: str) -> None:
    content = operations()[f"post {path}"]["requestBody"]["content"]
    body = msgspec.json.encode(content["application/json"]["example"])
    for event in BY_PATH[path].read(body, {}, SENDING):
        assert isinstance(event, dict)
        assert intake.admit(event, SENDING).id


def test_every_known_type_is_described() -> None:
    said = msgspec.json.encode(SERVICE.openapi()).decode()
    for type_ in TYPES:
        assert f'"{type_}"' in said


def shape(document: Any) -> Any:
    """The names in a document, of lists those in the first item; `data` is the event's own."""
    if isinstance(document, dict):
        return {
            name: shape(value) if name != "data" or isinstance(value, list) else None
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return None


async def test_the_documents_shown_have_the_shape_of_real_ones(contact: Contact) -> None:
    await contact.tell("page.viewed", "user:1", id="1")
    await contact.tell("page.viewed", "user:1", id="same")
    await contact.tell("page.viewed", "user:2", id="same")
    await contact.refuse(b"{}")
    days = {"from": "2026-01-01", "to": "2026-01-02"}
    (listed,) = (await contact.get("/v1/quarantine"))["data"]
    for path, parameters, document in [
        ("/v1/interactions", {"subject": subject("user:1")}, documents.INTERACTIONS),
        ("/v1/interactions/counts", days, documents.COUNTS),
        ("/v1/quarantine", {}, quarantine_documents.QUARANTINE),
        (f"/v1/quarantine/{listed['id']}", {}, quarantine_documents.QUARANTINED),
        ("/v1/keys/self", {}, documents.KEY),
    ]:
        found = await contact.get(path, **parameters)
        assert shape(found) == shape(document), path
    one = await contact.get(f"/v1/interactions/{event_id('/tests', '1')}")
    assert one.keys() == documents.INTERACTION.keys()
    attributes = documents.INTERACTION["record"].keys()
    assert one["record"].keys() == attributes - {"traceparent", "dataversion"}
    twins = (await contact.ask(f"/v1/interactions/{event_id('/tests', 'same')}")).json()
    assert shape(twins["subjects"]) == shape(documents.TWINS["subjects"])
    assert twins["code"] == documents.TWINS["code"]


def test_the_record_shown_is_what_the_door_writes() -> None:
    shown = documents.INTERACTION["record"]
    sent = {name: shown[name] for name in ("id", "source", "type", "time")}
    assert admitted(sent | {"data": dict(shown["data"])}).keys() == shown.keys()


def described() -> jsonschema_rs.Validator:
    """What the description says of an event."""
    components: Any = SERVICE.openapi()["components"]
    schema = {"$ref": "#/components/schemas/Event", "components": components}
    return jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize("type_", TYPES)
def test_the_example_of_every_type_is_as_described(type_: str) -> None:
    described().validate(SENT[type_])


def test_what_the_door_refuses_is_not_as_described() -> None:
    event = described()
    order = SENT["order.placed"]
    assert event.is_valid({"type": "note.taken", "tenant": "eu"})
    for wrong in (
        {},
        {"type": "order.placed"},
        order | {"data": {"order": "1"}},
        order | {"data": order["data"] | {"amount": "4990"}},
        order | {"data": order["data"] | {"channel": "pigeon"}},
        order | {"data": order["data"] | {"identifiers": [{"kind": "user"}]}},
        order | {"specversion": "0.3"},
        order | {"userId": "1"},
        SENT["feedback.given"] | {"data": {"csat": 6}},
    ):
        assert not event.is_valid(wrong), wrong
