"""One example per type, as a touch point sends it: let in, and read by every consumer."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.contact import inbound as contact
from services.contact.types import TYPES
from services.profile import inbound as profile
from shared.messages import Place, Record
from tests.contact.sending import SENDING, intake

EXAMPLES = {path.stem: path.read_bytes() for path in Path(__file__).parent.glob("*.json")}


def recorded(type_: str) -> tuple[dict[str, Any], Record]:
    """The example, and the record that the door makes of it."""
    sent: dict[str, Any] = msgspec.json.decode(EXAMPLES[type_])
    entry = intake.admit(msgspec.json.decode(EXAMPLES[type_]), SENDING)
    return sent, Record(Place("interactions.1", 0, 0), entry.key, entry.value)


def test_every_known_type_has_an_example() -> None:
    assert EXAMPLES.keys() == TYPES.keys()


@pytest.mark.parametrize("type_", sorted(EXAMPLES))
def test_what_the_door_makes_of_it_is_read_by_the_history(type_: str) -> None:
    sent, record = recorded(type_)
    event = contact.interaction(record)
    assert sent["type"] == event.envelope.type == type_
    assert isinstance(event.body, contact.Interaction)
    assert event.body.channel == sent["data"]["channel"]


@pytest.mark.parametrize("type_", sorted(EXAMPLES))
def test_what_the_door_makes_of_it_is_read_by_the_profile(type_: str) -> None:
    sent, record = recorded(type_)
    body = profile.interaction(record).body
    assert isinstance(body, profile.Body)
    known = [(each.kind, each.namespace) for each in body.identifiers]
    assert known == [
        (each["kind"], each.get("namespace", "")) for each in sent["data"]["identifiers"]
    ]
    read = {name: getattr(body, name) for name in type(body).__struct_fields__}
    plain = {name: value for name, value in read.items() if type(value) in (str, int, bool)}
    plain.pop("direction")
    assert plain.items() <= sent["data"].items()
