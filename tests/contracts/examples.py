"""The records that stand here: one of every type on the topics among the services."""

import json
from pathlib import Path
from typing import Any, get_args

from msgspec import convert

from services.contact import closing, refused
from services.contact.closing import Act
from services.contact.declared.versions import Author, Declared, record_of
from services.profile.commands import DecideIdentity, DisownKey, Verb
from services.profile.events import identity_decided, key_disowned
from services.profile.teller import Belongs
from shared.errors import FieldError
from shared.messages import Identifier, Place, Record
from tests.contact.examples import SENT
from tests.contact.sending import MOMENT, SENDING, TRACE, admitted
from tests.contracts import decided
from tests.records import identifier, subject

FOLDER = Path(__file__).parent


def made() -> dict[str, dict[str, Any]]:
    """What the services write today, by topic and type."""
    reason = FieldError("/data/order", "required", "`order` must be there.")
    kept = refused.record(b'{"type":"order.placed"}', "application/json", SENDING, [reason])
    told = Belongs(subject("email:jane@x"), subject("user:shop:42"), 3)
    return {
        **{f"interactions/{type_}": admitted(sent) for type_, sent in SENT.items()},
        "quarantine/event.refused": json.loads(kept.value),
        **_became(kept.id, reason),
        "declarations/schema.declared": _declared("schema", {"schema": {}, "mode": "observe"}),
        "declarations/mapping.declared": _declared("mapping", {"type": "call.received"}),
        "customers/belongs": json.loads(told.entry(MOMENT).value),
        "identity/key.disowned": _disowned(),
        **{f"identity/identifiers.{verb}": _decided(verb) for verb in get_args(Verb)},
        **decided.records(),
    }


def _became(id: str, reason: FieldError) -> dict[str, dict[str, Any]]:
    """What can become of a refused item."""
    act = Act("service:ops", "ops", MOMENT, TRACE)
    fix = {"patch": [{"op": "add", "path": "/data/order", "value": "1001"}]}
    made = {
        "event.driven": closing.driven(
            id, act, [{"id": "o-1", "position": "interactions.1/3/9"}], fix
        ),
        "event.discarded": closing.discarded(id, act, "A test of the shop"),
        "drive.refused": closing.refused_again(id, act, [reason.as_dict()], fix),
    }
    return {f"quarantine/{type_}": json.loads(one.value) for type_, one in made.items()}


def _decided(verb: Verb) -> dict[str, Any]:
    ends = [convert(identifier(text), Identifier) for text in ("email:jane@x", "user:shop:42")]
    command = DecideIdentity(ends[0], ends[1], verb, "Said so.", "representative:7", "desk")
    found: dict[str, Any] = json.loads(
        identity_decided(command, id=verb, at=MOMENT, traceparent=TRACE)
    )
    return found


def _disowned() -> dict[str, Any]:
    command = DisownKey("shop-page", "Somebody else had it.", "service:ops", "ops")
    found: dict[str, Any] = json.loads(key_disowned(command, id="1", at=MOMENT, traceparent=TRACE))
    return found


def _declared(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    body, author = (
        Declared("com.example.called", 0, document),
        Author("ops", "service:ops", MOMENT, TRACE),
    )
    found: dict[str, Any] = json.loads(record_of(kind, body, "1", author))
    return found


def written(topic: str) -> dict[str, Record]:
    """The records that stand here, by type, as a consumer of the topic meets them."""
    found = {}
    for number, path in enumerate(sorted((FOLDER / topic).glob("*.json"))):
        value = json.dumps(json.loads(path.read_text())).encode()
        key = json.loads(value)["partitionkey"].encode()
        found[path.stem] = Record(Place(f"{topic}.1", 0, number), key, value)
    return found


def write() -> None:
    """Write the records of types that have none yet; those that stand here never change."""
    for name, record in made().items():
        path = FOLDER / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write()
