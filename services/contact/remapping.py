"""The present mappings, applied to records that stand in the log: for the next generation. Pure.

A record whose type is mapped goes through the door's own admission again, in the name of the key
that let it in, with its times as they were. What cannot be mapped stays as it is.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from services.contact.declared.rules import Rules
from services.contact.declared.versions import MAPPING, Versions
from services.contact.faults import Refusal
from services.contact.intake import IGNORED, Intake, Sending
from shared.auth import PUBLIC, Key
from shared.copy_session import Change
from shared.log import Original
from shared.messages import decode


def applied(versions: Versions) -> str:
    """A name of the mappings that stand: the same for the same."""
    standing = sorted((type_, one.number) for type_, one in versions.standing(MAPPING).items())
    return blake2b(msgspec.json.encode(standing), digest_size=8).hexdigest() if standing else ""


def change_of(rules: Rules, secret: bytes, keys: Mapping[str, Key]) -> Change:
    """What is applied to each record of `interactions`; `keys` are those that ever let one in."""
    only_mappings = Rules()
    only_mappings.mappings = dict(rules.mappings)
    intake = Intake(secret, only_mappings)
    names = [msgspec.json.encode(type_) for type_ in only_mappings.mappings]

    def change(one: Original) -> Original:
        if one.value is None or not any(name in one.value for name in names):
            return one
        try:
            if decode(one.value).type not in only_mappings.mappings:
                return one
            document = msgspec.json.decode(one.value, type=dict[str, Any])
            made = intake.admit(_event(document), _sending(document, keys))
        except (Refusal, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return one
        return one._replace(key=made.key, value=made.value)

    return change


def _event(document: dict[str, Any]) -> dict[str, Any]:
    """The record as an event that comes in."""
    event = {name: value for name, value in document.items() if name not in IGNORED}
    event["data"] = {**document["data"], "identifiers": _identifiers(document)}
    return event


def _identifiers(document: dict[str, Any]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = document["data"].get("identifiers", [])
    return [{name: value for name, value in one.items() if name != "subject"} for one in said]


def _sending(document: dict[str, Any], keys: Mapping[str, Key]) -> Sending:
    name, actor = document.get("ingestkey", ""), document.get("actor", "")
    key = keys.get(name) or Key(name, frozenset(["ingest"]), actor)
    known = document["data"].get("identifiers", []) if PUBLIC in key.scopes else []
    return Sending(
        Key(name, key.scopes, actor, key.namespace),
        document.get("receivedtime", document["recordedtime"]),
        document["recordedtime"],
        document.get("traceparent", ""),
        frozenset(one["subject"] for one in known if "subject" in one),
    )
