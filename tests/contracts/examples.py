"""The records that stand here: one of every type on the topics among the services."""

import json
from pathlib import Path
from typing import Any

from services.contact import refused
from shared.errors import FieldError
from shared.messages import Place, Record
from tests.contact.examples import SENT
from tests.contact.sending import SENDING, admitted

FOLDER = Path(__file__).parent


def made() -> dict[str, dict[str, Any]]:
    """What contact writes today, by topic and type."""
    reason = FieldError("/data/order", "required", "`order` must be there.")
    kept = refused.record(b'{"type":"order.placed"}', "application/json", SENDING, [reason])
    return {
        **{f"interactions/{type_}": admitted(sent) for type_, sent in SENT.items()},
        "quarantine/event.refused": json.loads(kept.value),
    }


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
