"""What a declaration would do with events that are there: counted, nothing written. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from services.contact.declared.mapping import Mapped
from services.contact.declared.rules import Rules
from services.contact.declared.schema import Check
from services.contact.faults import Refusal
from services.contact.intake import Intake, Sending
from services.contact.reading import Event
from shared.errors import FieldError

SHOWN = 20
"""Different reasons, and examples, that a trial shows."""

_GIVEN_BACK = frozenset(("id", "source", "type", "time"))


class Reason(NamedTuple):
    """Why some events would be refused: how many, and one of them."""

    pointer: str
    code: str
    detail: str
    events: int
    position: str


@dataclass
class Trial:
    """Events looked at, how many of them fail and why; of a mapping what some become."""

    checked: int = 0
    failing: int = 0
    examples: list[Any] = field(default_factory=list)
    _reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    _firsts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def add(self, position: str, fault: FieldError | None) -> None:
        """One more, and what is wrong with it."""
        self.checked += 1
        if fault is not None:
            self.failing += 1
            name = (fault.pointer, fault.code)
            self._reasons[name] += 1
            self._firsts.setdefault(name, (fault.detail, position))

    def as_dict(self) -> dict[str, Any]:
        """As it is answered; reasons by how often they came."""
        reasons = [
            Reason(*name, self._firsts[name][0], n, self._firsts[name][1])._asdict()
            for name, n in self._reasons.most_common(SHOWN)
        ]
        return {
            "checked": self.checked,
            "failing": self.failing,
            "reasons": reasons,
            "examples": self.examples,
        }


Stored = tuple[str, str]
"""Position and record, as the history has them."""


def of_schema(trial: Trial, check: Check, stored: Iterable[Stored]) -> None:
    """Check the data of stored events."""
    for position, event in _events(stored):
        trial.add(position, check.fault(event["data"]))


def of_mapping(
    trial: Trial,
    mapping: Mapped,
    type_: str,
    secret: bytes,
    sending: Sending,
    stored: Iterable[Stored],
) -> None:
    """Let stored events in again, with the mapping and without; they go nowhere."""
    rules = Rules()
    rules.mappings[type_] = mapping
    intake = Intake(secret, rules)
    for position, event in _events(stored):
        try:
            admitted = intake.admit(event, sending)
        except Refusal as refusal:
            trial.add(position, refusal.error)
            continue
        trial.add(position, None)
        if len(trial.examples) < SHOWN:
            trial.examples.append({"position": position, "record": msgspec.Raw(admitted.value)})


def _events(stored: Iterable[Stored]) -> Iterator[tuple[str, Event]]:
    """Stored records as events that come in."""
    for position, record in stored:
        document = msgspec.json.decode(record, type=dict[str, Any])
        event = {name: document[name] for name in _GIVEN_BACK}
        data = document["data"]
        for one in data.get("identifiers", ()):
            one.pop("subject", None)
        yield position, event | {"data": data}
