"""Whom a call is about: its ids, the e-mail and telephone traits, external ids. Pure."""

import re
from typing import Any

from services.contact.faults import refuse
from services.contact.identifying import MOST
from services.contact.segment.values import Fields
from shared.identifiers import KINDS

Identifier = dict[str, str]

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_KIND = re.compile(r"[a-z0-9_]{1,32}")
_DEVICES = ("anonymous_id", "android_id", "android_idfa", "ios_id", "ios_idfa")
_EXTERNAL: dict[str, str] = {f"{kind}_id": kind for kind in KINDS} | {
    name: "device" for name in _DEVICES
}


def of_call(call: Fields, traits: Fields, context: Fields) -> list[Identifier]:
    """The identifiers of a call, each once. Raises Refusal where it is about nobody."""
    user, anonymous = id_of(call, "userId"), id_of(call, "anonymousId")
    if user is None and anonymous is None:
        raise refuse("", "identity", "`userId` or `anonymousId` must be there.")
    found: list[Identifier] = []
    if user is not None:
        found.append({"kind": "user", "value": user})
    if anonymous is not None:
        found.append({"kind": "device", "value": anonymous})
    for said in (traits, context.get("traits")):
        if said:
            _add(found, _of_traits(said))
    if external := context.get("externalIds"):
        _add(found, _external(external))
    return found[:MOST]


def _add(found: list[Identifier], others: list[Identifier]) -> None:
    """Those that are not there yet."""
    for one in others:
        if one not in found:
            found.append(one)


def of_alias(call: Fields, context: Fields) -> list[Identifier]:
    """The user and who it was before: two users, or a user and a device."""
    user, previous = id_of(call, "userId"), id_of(call, "previousId")
    for name, value in (("userId", user), ("previousId", previous)):
        if value is None:
            raise refuse(f"/{name}", "required", f"`{name}` must be there.")
    assert user is not None
    assert previous is not None
    before = [{"kind": kind, "value": previous} for kind in _previous(call, user, previous)]
    known = of_call(call, {}, context)
    _add(known, before)
    return known[:MOST]


def _previous(call: Fields, user: str, previous: str) -> tuple[str, ...]:
    """What a previous id is, which Segment does not say: SDKs make anonymous ids as UUIDs.

    Where users are named by UUIDs too it is taken as either: nobody else has it.
    """
    if previous == call.get("anonymousId"):
        return ("device",)
    if not _UUID.fullmatch(previous):
        return ("user",)
    return ("user", "device") if _UUID.fullmatch(user) else ("device",)


def id_of(call: Fields, name: str) -> str | None:
    """An id of a call, a number as text; None where it is left out or blank. Raises Refusal."""
    value = call.get(name)
    if type(value) is str:
        return value if value.strip() else None
    if value is None or type(value) is int:
        return None if value is None else str(value)
    raise refuse(f"/{name}", "type", f"`{name}` is a text.")


def email_of(identifiers: list[Identifier]) -> str | None:
    """The first e-mail address."""
    return next((one["value"] for one in identifiers if one["kind"] == "email"), None)


def _of_traits(traits: Any) -> list[Identifier]:
    if type(traits) is not dict:
        return []
    found = []
    for kind in ("email", "phone"):
        value = traits.get(kind)
        if value is None:
            continue
        if type(value) is int or (type(value) is str and value.strip()):
            found.append({"kind": kind, "value": str(value)})
    return found


def _external(external: Any) -> list[Identifier]:
    """External ids of people that are not hashed; kinds that are not ours are kept."""
    if type(external) is not list:
        return []
    found = []
    for each in external[:MOST]:
        if type(each) is not dict or each.get("encoding") not in (None, "none"):
            continue
        kind, value = each.get("type"), each.get("id")
        if type(kind) is str and type(value) is str and value.strip():
            kind = kind.replace(".", "_")
            kind = _EXTERNAL.get(kind, kind)
            if each.get("collection") in (None, "users") and _KIND.fullmatch(kind):
                found.append({"kind": kind, "value": value})
    return found
