"""What profile writes is what it and contact read."""

import json

import pytest

from services.contact import inbound as contact
from services.profile import inbound as profile
from tests.contracts.examples import FOLDER, made, written
from tests.records import subject

DECISIONS = ["identifiers.apart", "identifiers.observed", "identifiers.together"]


@pytest.mark.parametrize(
    "name",
    ["customers/belongs", *(f"identity/{each}" for each in DECISIONS), "identity/key.disowned"],
)
def test_profile_writes_the_record_that_stands_here(name: str) -> None:
    assert made()[name] == json.loads((FOLDER / f"{name}.json").read_text())


def test_profile_reads_which_key_was_disowned() -> None:
    body = profile.decision(written("identity")["key.disowned"]).body
    assert isinstance(body, profile.DisownedBody)
    assert (body.key, body.reason) == ("shop-page", "Somebody else had it.")


def test_contact_reads_who_belongs_to_whom() -> None:
    body = contact.belongs(written("customers")["belongs"]).body
    assert isinstance(body, contact.Belongs)
    assert (str(body.subject), str(body.customer)) == (
        subject("email:jane@x"),
        subject("user:shop:42"),
    )
    assert body.revision == 3


@pytest.mark.parametrize("type_", DECISIONS)
def test_profile_reads_its_decisions(type_: str) -> None:
    body = profile.decision(written("identity")[type_]).body
    assert isinstance(body, profile.DecisionBody)
    assert body.decision == type_.split(".")[1]
    assert [each.kind for each in body.identifiers] == ["email", "user"]
