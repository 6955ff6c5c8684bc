"""What contact writes is what the others read: one record of every type, kept for ever."""

import json

import pytest

from services.contact import inbound as contact
from services.contact.declared.versions import Versions
from services.contact.types import TYPES
from services.profile import inbound as profile
from tests.contracts.examples import FOLDER, made, written


def test_every_type_has_its_record() -> None:
    assert written("interactions").keys() == TYPES.keys()


@pytest.mark.parametrize("type_", TYPES)
def test_contact_writes_the_record_that_stands_here(type_: str) -> None:
    kept = json.loads((FOLDER / f"interactions/{type_}.json").read_text())
    assert made()[f"interactions/{type_}"] == kept


@pytest.mark.parametrize("type_", TYPES)
def test_every_consumer_reads_it(type_: str) -> None:
    record = written("interactions")[type_]
    assert contact.interaction(record).envelope.type == type_
    assert profile.interaction(record).envelope.type == type_


@pytest.mark.parametrize("kind", ["schema", "mapping"])
def test_contact_reads_what_it_declared(kind: str) -> None:
    name = f"declarations/{kind}.declared"
    assert made()[name] == json.loads((FOLDER / f"{name}.json").read_text())
    versions = Versions()
    versions.fold(written("declarations")[f"{kind}.declared"])
    assert versions.of(kind, "com.example.called")[0].document


def test_contact_reads_what_it_refused() -> None:
    event = contact.quarantined(written("quarantine")["event.refused"])
    assert isinstance(event.body, contact.Refused)
    assert event.body.reasons[0].pointer == "/data/order"


def test_contact_reads_what_became_of_it() -> None:
    kept = written("quarantine")
    bodies = {type_: contact.quarantined(one).body for type_, one in kept.items()}
    assert {type_: type(body) for type_, body in bodies.items()} == {
        "event.refused": contact.Refused,
        "event.driven": contact.Driven,
        "event.discarded": contact.Discarded,
        "drive.refused": contact.RefusedAgain,
    }
