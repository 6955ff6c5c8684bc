"""What the door adds to the data of some known types, once their fields are right."""

from collections.abc import Callable
from typing import Any

from services.contact.faults import refuse
from services.contact.identifying import Resolver, distinct
from shared.auth import Key


def _consent(data: dict[str, Any], _: Key, resolver: Resolver) -> None:
    channel = data.get("consent_channel") or data.get("channel")
    if channel is None:
        raise refuse("/data/consent_channel", "required", "The channel consented to must be there.")
    data["consent_channel"] = channel
    data["address"] = data["address"].strip()
    identifier = resolver.address(channel, data["address"])
    data.pop("address_identifier", None)
    if identifier:
        data["address_identifier"] = identifier


def _membership(data: dict[str, Any], key: Key, _: Resolver) -> None:
    if data["organisation"].get("namespace") is None:
        data["organisation"]["namespace"] = key.namespace


def _seen(data: dict[str, Any], _: Key, __: Resolver) -> None:
    if distinct(data["identifiers"]) < 2:
        raise refuse("/data/identifiers", "length", "Two or more identifiers must be there.")


COMPLETE: dict[str, Callable[[dict[str, Any], Key, Resolver], None]] = {
    "consent.granted": _consent,
    "consent.withdrawn": _consent,
    "membership.changed": _membership,
    "identifiers.seen": _seen,
}
"""By type: adds to the data in place. Raises Refusal."""
