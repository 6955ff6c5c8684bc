"""Identifiers of an event: normalised, hashed to subjects, the strongest found."""

import re
from functools import lru_cache, partial
from typing import Any

import msgspec

from services.contact.faults import Refusal, refuse
from shared.identifiers import MAX_LENGTH, RANK, WITHOUT_NAMESPACE, is_blocked, normalise, subject

MOST = 20
"""Identifiers of one event."""

MAX_NAMESPACE = 128
REMEMBERED = 32_768
"""Identifiers whose subject is kept at hand; those of busy customers come again and again."""

_KIND = re.compile(r"[a-z0-9_]{1,32}")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_OURS = ("kind", "namespace", "value", "given", "subject")
_KIND_OF_CHANNEL = {
    "email": "email",
    **dict.fromkeys(("phone", "call", "sms", "text", "whatsapp"), "phone"),
}


class Known(msgspec.Struct, frozen=True, gc=False):
    """An identifier as it stands in a record; never changed, for many records share it."""

    rank: int  # shared.identifiers.RANK; -1 without a subject
    subject: str
    identifier: dict[str, Any]


class Resolver:
    """Knows the subject of any identifier."""

    def __init__(self, secret: bytes) -> None:
        self._know = lru_cache(REMEMBERED)(partial(_know, secret))

    def identify(self, given: Any, namespace: str) -> tuple[list[dict[str, Any]], str | None]:
        """An event's identifiers, and the subject of the strongest, of equals the smallest.

        `namespace` is of those that name none. Raises Refusal.
        """
        if type(given) is not list or len(given) > MOST:
            raise refuse("/data/identifiers", "type", f"`identifiers` is a list of at most {MOST}.")
        identifiers: list[dict[str, Any]] = []
        best, strongest = -1, ""
        for item in given:
            try:
                known = self._one(item, namespace)
            except Refusal as refusal:
                pointer = f"/data/identifiers/{len(identifiers)}{refusal.error.pointer}"
                raise refuse(pointer, refusal.error.code, refusal.error.detail) from None
            identifiers.append(known.identifier)
            rank = known.rank
            if rank > best or (rank == best >= 0 and known.subject < strongest):
                best, strongest = rank, known.subject
        return identifiers, strongest or None

    def _one(self, item: Any, namespace: str) -> Known:
        if type(item) is not dict:
            raise refuse("", "type", "An identifier is an object with `kind` and `value`.")
        kind, value, own = item.get("kind"), item.get("value"), item.get("namespace")
        if own is None:
            own = namespace
        if type(kind) is str and type(value) is str and type(own) is str:
            known = self._know(kind, own, value)
            return known if len(item) < 3 or _is_plain(item) else _with_rest(known, item)
        for name, text in (("kind", kind), ("value", value), ("namespace", own)):
            if type(text) is not str:
                raise refuse(f"/{name}", "type", f"`{name}` is a text.")
        raise AssertionError("unreachable")

    def address(self, channel: str, address: str) -> dict[str, Any] | None:
        """The identifier that an address of a channel is; None where it is none."""
        kind = _KIND_OF_CHANNEL.get(channel)
        if kind is None:
            return None
        known = self._know(kind, "", address)
        value = known.identifier["value"]
        right = "@" in value if kind == "email" else _PHONE.fullmatch(value)
        if known.rank < 0 or not right:
            return None
        return {"kind": kind, "value": value, "subject": known.subject}


def _is_plain(item: dict[str, Any]) -> bool:
    return len(item) == 3 and "namespace" in item


def _with_rest(known: Known, item: dict[str, Any]) -> Known:
    """The identifier with what else the sender said of it; a claimed one has no subject."""
    rest = {name: value for name, value in item.items() if name not in _OURS}
    identifier = {**known.identifier, **rest}
    if type(rest.get("claim", False)) is not bool:
        raise refuse("/claim", "type", "`claim` is true or false.")
    if rest.get("claim"):
        identifier.pop("subject", None)
        return Known(-1, "", identifier)
    return Known(known.rank, known.subject, identifier)


def _know(secret: bytes, kind: str, namespace: str, value: str) -> Known:
    if kind not in RANK and not _KIND.fullmatch(kind):
        raise refuse("/kind", "pattern", "`kind` is 1 to 32 of a-z, 0-9 and _.")
    if len(namespace) > MAX_NAMESPACE or not namespace.isprintable():
        raise refuse("/namespace", "length", f"`namespace` has at most {MAX_NAMESPACE} characters.")
    normal = normalise(kind, value)
    if not value or max(len(value), len(normal)) > MAX_LENGTH:
        raise refuse("/value", "length", f"`value` has 1 to {MAX_LENGTH} characters.")
    namespace = "" if kind in WITHOUT_NAMESPACE else namespace
    identifier = {"kind": kind}
    if namespace:
        identifier["namespace"] = namespace
    identifier["value"] = normal
    if normal != value:
        identifier["given"] = value
    if kind not in RANK or is_blocked(normal):
        return Known(-1, "", identifier)
    identifier["subject"] = name = subject(secret, kind, namespace, normal)
    return Known(RANK[kind], name, identifier)
