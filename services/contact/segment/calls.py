"""A call of Segment's as an event of ours: typed fields, and the call whole in `body`. Pure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from services.contact.faults import refuse
from services.contact.reading import Event
from services.contact.segment import people, times
from services.contact.segment.names import NAMES, UNSUBSCRIBED
from services.contact.segment.people import Identifier
from services.contact.segment.values import LINK, NOTE, Fields, known, members, required, text

MAX_ID = 100
"""Characters of a messageId."""


class Request(NamedTuple):
    """What a request says of all its calls."""

    source: str
    skew: timedelta
    sent_at: Any
    context: Fields
    integrations: Fields


class Said(NamedTuple):
    """What a call says, as events are made of it: its type, whom it is about, its fields."""

    type: str
    identifiers: list[Identifier]
    fields: Fields


def event_of(kind: Any, call: Fields, request: Request) -> Event:
    """The event of a call, which is taken apart. Raises Refusal."""
    say = KINDS.get(kind) if type(kind) is str else None
    if say is None:
        raise refuse("/type", "value", f"`type` is one of {', '.join(KINDS)}.")
    call.pop("writeKey", None)
    context = _merged(call, request)
    type_, identifiers, fields = say(call, context)
    timestamp = call.pop("timestamp", None)
    if timestamp is not None:
        call["originalTimestamp"] = timestamp
    original = call.get("originalTimestamp")
    data = {"identifiers": identifiers, **fields, "content_type": "application/json", "body": call}
    if "channel" not in data and (channel := _channel(call, context)):
        data["channel"] = channel
    event: Event = {"id": _id(call), "source": request.source, "type": type_, "data": data}
    if original is not None:
        event["time"] = times.happened(original, request.skew)
    return event


def _merged(call: Fields, request: Request) -> Fields:
    """The context of the call; what the whole request says is written into the call."""
    if request.context:
        call["context"] = {**request.context, **members(call, "context")}
    if request.integrations:
        call["integrations"] = {**request.integrations, **members(call, "integrations")}
    if request.sent_at is not None and "sentAt" not in call:
        call["sentAt"] = request.sent_at
    return members(call, "context")


def _id(call: Fields) -> str | None:
    id = call.get("messageId")
    if id is None or id == "":
        return None
    if type(id) is not str or len(id) > MAX_ID:
        raise refuse("/messageId", "length", f"`messageId` has at most {MAX_ID} characters.")
    return id


_CHANNELS = {"browser": "web", "mobile": "mobile"}


def _channel(call: Fields, context: Fields) -> str | None:
    """Where it happened, as far as the call says so; a server says nothing of that."""
    said = call.get("channel") or context.get("channel")
    if type(said) is str and said in _CHANNELS:
        return _CHANNELS[said]
    device = context.get("device")
    return "mobile" if type(device) is dict and device.get("type") in ("ios", "android") else None


def _identify(call: Fields, context: Fields) -> Said:
    traits = members(call, "traits")
    return Said("customer.described", people.of_call(call, traits, context), {"traits": traits})


def _track(call: Fields, context: Fields) -> Said:
    name = call.get("event")
    if type(name) is not str or not name.strip():
        raise refuse("/event", "required", "`event` must be there: the name of what happened.")
    properties = members(call, "properties")
    identifiers = people.of_call(call, {}, context)
    meaning = NAMES.get(name.lower())
    if meaning is None:
        return Said("track", identifiers, {"event": name})
    fields = meaning.fields(properties)
    if meaning.type == UNSUBSCRIBED:
        fields["address"] = _address(identifiers)
    return Said(meaning.type, identifiers, fields)


def _address(identifiers: list[Identifier]) -> str:
    address = people.email_of(identifiers)
    if address is None:
        raise refuse("/context/traits/email", "required", "The address must be there.")
    return address


_SEEN = (("url", LINK), ("title", NOTE), ("referrer", LINK))
"""What a page says of itself, in its properties or else in the context."""


def _page(call: Fields, context: Fields) -> Said:
    properties, page = members(call, "properties"), context.get("page")
    known_of_page = page if type(page) is dict else {}
    fields = {}
    name = text(call.get("name") or properties.get("name"), NOTE)
    if name is not None:
        fields["name"] = name
    for name, most in _SEEN:
        said = properties[name] if name in properties else known_of_page.get(name)
        said = text(said, most)
        if said is not None:
            fields[name] = said
    return Said("page.viewed", people.of_call(call, {}, context), fields)


def _screen(call: Fields, context: Fields) -> Said:
    properties = members(call, "properties")
    fields = known(name=text(call.get("name") or properties.get("name"), NOTE))
    return Said("screen.viewed", people.of_call(call, {}, context), fields)


def _group(call: Fields, context: Fields) -> Said:
    name = text(members(call, "traits").get("name"), NOTE)
    organisation = {"id": required(call, "groupId", ""), **known(name=name)}
    return Said(
        "membership.changed", people.of_call(call, {}, context), {"organisation": organisation}
    )


def _alias(call: Fields, context: Fields) -> Said:
    return Said("identifiers.seen", people.of_alias(call, context), {})


KINDS: dict[str, Callable[[Fields, Fields], Said]] = {
    "identify": _identify,
    "track": _track,
    "page": _page,
    "screen": _screen,
    "group": _group,
    "alias": _alias,
}
"""What each kind of call says."""
