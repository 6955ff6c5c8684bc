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

_DEVICE = RANK["device"]
_KIND = re.compile(r"[a-z0-9_]{1,32}")
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_OURS = frozenset(("kind", "namespace", "value", "given", "subject"))
_KIND_OF_CHANNEL = {
    "email": "email",
    **dict.fromkeys(("phone", "call", "sms", "text", "whatsapp"), "phone"),
}


class Identifier(msgspec.Struct, omit_defaults=True, gc=False):
    """An identifier as it stands in a record."""

    kind: str
    value: str
    namespace: str = ""
    given: str | None = None  # the value as it came, where normalising changed it
    subject: str | None = None


class Known(msgspec.Struct, frozen=True, gc=False):
    """An identifier that was looked at; many records share its bytes."""

    rank: int  # shared.identifiers.RANK; -1 without a subject
    subject: str
    value: str
    encoded: msgspec.Raw


_encode = msgspec.json.Encoder().encode


class Resolver:
    """Knows the subject of any identifier."""

    def __init__(self, secret: bytes) -> None:
        self._know = lru_cache(REMEMBERED)(partial(_know, secret))

    def identify(self, given: Any, namespace: str) -> tuple[list[msgspec.Raw], str | None]:
        """An event's identifiers as JSON, and the subject of the strongest.

        Of equals the smallest; `namespace` is of those that name none. Raises Refusal.
        """
        if type(given) is not list or len(given) > MOST:
            raise refuse("/data/identifiers", "type", f"`identifiers` is a list of at most {MOST}.")
        identifiers: list[msgspec.Raw] = []
        best, strongest = -1, ""
        for item in given:
            try:
                known = self._one(item, namespace)
            except Refusal as refusal:
                pointer = f"/data/identifiers/{len(identifiers)}{refusal.error.pointer}"
                raise refuse(pointer, refusal.error.code, refusal.error.detail) from None
            identifiers.append(known.encoded)
            rank = known.rank
            if rank > best or (rank == best >= 0 and known.subject < strongest):
                best, strongest = rank, known.subject
        return identifiers, strongest or None

    def identify_public(
        self, given: Any, namespace: str, vouched: frozenset[str]
    ) -> tuple[list[msgspec.Raw], str | None]:
        """The same for an event that came with a public key: what it says of itself is a claim.

        Only a device counts, and what a token vouches for; of several of one kind the first, so
        that no page can say that two customers are one.
        """
        identifiers, _ = self.identify(given, namespace)
        counted: dict[int, str] = {}
        found: list[msgspec.Raw] = []
        for item, encoded in zip(given, identifiers, strict=True):
            known = self._one(item, namespace)
            subject, rank = known.subject, known.rank
            trusted = rank >= 0 and (rank == _DEVICE or subject in vouched)
            if trusted and counted.setdefault(rank, subject) == subject:
                found.append(encoded)
            else:
                found.append(_as_claim(encoded))
        return found, counted[max(counted)] if counted else None

    def subjects(self, given: Any, namespace: str) -> frozenset[str]:
        """The subjects of identifiers as they were given. Raises Refusal."""
        self.identify(given, namespace)
        return frozenset(self._one(item, namespace).subject for item in given) - {""}

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
        right = "@" in known.value if kind == "email" else _PHONE.fullmatch(known.value)
        if known.rank < 0 or not right:
            return None
        return {"kind": kind, "value": known.value, "subject": known.subject}


def distinct(identifiers: list[msgspec.Raw]) -> int:
    """How many different ones there are."""
    found = [msgspec.json.decode(raw, type=Identifier) for raw in identifiers]
    return len({(one.kind, one.namespace, one.value) for one in found})


def _is_plain(item: dict[str, Any]) -> bool:
    return len(item) == 3 and "namespace" in item


def _with_rest(known: Known, item: dict[str, Any]) -> Known:
    """The identifier with what else the sender said of it; a claimed one has no subject."""
    rest = {name: value for name, value in item.items() if name not in _OURS}
    if type(rest.get("claim", False)) is not bool:
        raise refuse("/claim", "type", "`claim` is true or false.")
    identifier = {**msgspec.json.decode(known.encoded), **rest}
    if rest.get("claim"):
        identifier.pop("subject", None)
        return Known(-1, "", known.value, msgspec.Raw(_encode(identifier)))
    return Known(known.rank, known.subject, known.value, msgspec.Raw(_encode(identifier)))


def _as_claim(encoded: msgspec.Raw) -> msgspec.Raw:
    """The identifier as what somebody only says: without a subject it makes no pair."""
    identifier = msgspec.json.decode(encoded)
    identifier.pop("subject", None)
    return msgspec.Raw(_encode({**identifier, "claim": True}))


def _know(secret: bytes, kind: str, namespace: str, value: str) -> Known:
    rank = RANK.get(kind, -1)
    if rank < 0 and not _KIND.fullmatch(kind):
        raise refuse("/kind", "pattern", "`kind` is 1 to 32 of a-z, 0-9 and _.")
    if namespace and (len(namespace) > MAX_NAMESPACE or not namespace.isprintable()):
        raise refuse("/namespace", "length", f"`namespace` has at most {MAX_NAMESPACE} characters.")
    normal = normalise(kind, value)
    if not value or len(value) > MAX_LENGTH or len(normal) > MAX_LENGTH:
        raise refuse("/value", "length", f"`value` has 1 to {MAX_LENGTH} characters.")
    if kind in WITHOUT_NAMESPACE:
        namespace = ""
    if is_blocked(normal):
        rank = -1
    name = subject(secret, kind, namespace, normal) if rank >= 0 else None
    given = value if normal != value else None
    identifier = Identifier(kind, normal, namespace, given, name)
    return Known(rank, name or "", normal, msgspec.Raw(_encode(identifier)))
