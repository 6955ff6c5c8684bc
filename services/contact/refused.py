"""The record of what was refused at the door: exact bytes, who sent it, why. Pure."""

import base64
from collections.abc import Sequence

import msgspec

from services.contact.intake import Admitted, Sending
from shared.errors import FieldError
from shared.ids import event_id, uuid7

SOURCE = "/contact/door"
TYPE = "event.refused"
MAX_CONTENT_TYPE = 256


def record(
    raw: bytes, content_type: str, sending: Sending, reasons: Sequence[FieldError]
) -> Admitted:
    """The record for the topic `quarantine`; its partition key is a hash of its own id."""
    id = str(uuid7())
    partitionkey = event_id(SOURCE, id)
    document = {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": TYPE,
        "time": sending.received,
        "receivedtime": sending.received,
        "recordedtime": sending.recorded,
        "partitionkey": partitionkey,
        "ingestkey": sending.key.name,
        "actor": sending.key.principal,
        "traceparent": sending.traceparent,
        "dataversion": 1,
        "data": {
            "direction": "internal",
            "identifiers": [],
            "content_type": content_type[:MAX_CONTENT_TYPE],
            "bytes": base64.b64encode(raw).decode(),
            "size": len(raw),
            "reasons": [error.as_dict() for error in reasons],
        },
    }
    return Admitted(partitionkey.encode(), msgspec.json.encode(document), id, partitionkey)
