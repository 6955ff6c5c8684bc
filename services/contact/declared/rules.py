"""The declarations that stand, as the door applies them to each event."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from prometheus_client import Counter

from services.contact.declared.mapping import Mapped
from services.contact.declared.schema import Check
from services.contact.declared.versions import MAPPING, SCHEMA, Document, Version, Versions
from services.contact.faults import Refusal
from services.contact.reading import Event

T = TypeVar("T")

_missed = Counter(
    "rapport_contact_schema_misses",
    "Events that were not as the schema of their type has them.",
    ["type", "mode"],
)
_logger = logging.getLogger("rapport.contact")


class Rules:
    """By type of event; empty where nothing is declared, so that it costs a look-up."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}
        self.mappings: dict[str, Mapped] = {}

    def learn(self, versions: Versions) -> None:
        """Apply what stands from now on; what did not change is not made anew."""
        self.checks = _made(self.checks, versions, SCHEMA, Check)
        self.mappings = _made(self.mappings, versions, MAPPING, Mapped)

    def mapped(self, event: Event) -> Event:
        """The event, as one of ours where a mapping of its type stands. Raises Refusal."""
        type_ = event.get("type")
        mapping = self.mappings.get(type_) if type(type_) is str else None
        return event if mapping is None else mapping.event(event)

    def check(self, type_: str, data: dict[str, Any]) -> None:
        """Raises Refusal for data that an enforced schema does not allow."""
        check = self.checks.get(type_)
        if check is None:
            return
        try:
            if check.enforced(data):
                return
        except Refusal:
            _missed.labels(type_, check.mode).inc()
            raise
        _missed.labels(type_, check.mode).inc()


def _made(
    former: dict[str, Any], versions: Versions, kind: str, make: Callable[[Document, int], T]
) -> dict[str, T]:
    found: dict[str, T] = {}
    for type_, version in versions.standing(kind).items():
        there = former.get(type_)
        if there is not None and there.version == version.number:
            found[type_] = there
        elif (made := _one(type_, kind, version, make)) is not None:
            found[type_] = made
    return found


def _one(type_: str, kind: str, version: Version, make: Callable[[Document, int], T]) -> T | None:
    """One as it is applied; None, said loudly, for one that this code cannot apply."""
    try:
        assert version.document is not None
        return make(version.document, version.number)
    except (Refusal, ValueError, KeyError) as error:
        _logger.error("version %s of the %s of %s: %s", version.number, kind, type_, error)
        return None
