"""The record of what was refused at the door: exact bytes, who sent it, why. Pure."""

import base64
import re
from collections.abc import Mapping, Sequence

import msgspec

from services.contact.intake import Admitted, Sending
from shared.errors import FieldError
from shared.ids import event_id, uuid7

SOURCE = "/contact/door"
TYPE = "event.refused"
MAX_CONTENT_TYPE = 256
MAX_HEADERS = 64
MAX_HEADER = 4096

_SECRET = re.compile(rb"rk_[A-Za-z0-9_-]{43}")
_BLANK = b"rk_" + b"*" * 43


def of_request(
    raw: bytes, names: Mapping[bytes, bytes], sending: Sending, reasons: Sequence[FieldError]
) -> Admitted:
    """The record of bytes that came under these headers, of which those are kept that matter."""
    content_type = names.get(b"content-type", b"").decode("latin-1")
    matter = [name for name in names if name.startswith(b"ce-") or name == b"content-encoding"]
    headers = {
        name.decode("latin-1"): names[name].decode("latin-1")[:MAX_HEADER]
        for name in matter[:MAX_HEADERS]
    }
    return record(raw, content_type, sending, reasons, headers)


def record(
    raw: bytes,
    content_type: str,
    sending: Sending,
    reasons: Sequence[FieldError],
    headers: Mapping[str, str] | None = None,
) -> Admitted:
    """The record for the topic `quarantine`; its partition key is a hash of its own id.

    The bytes are exactly those that came, but for the secrets of keys, which are blanked.
    """
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
            "bytes": base64.b64encode(_SECRET.sub(_BLANK, raw)).decode(),
            "size": len(raw),
            "reasons": [error.as_dict() for error in reasons],
            **({"headers": headers} if headers else {}),
        },
    }
    return Admitted(partitionkey.encode(), msgspec.json.encode(document), id, partitionkey)
