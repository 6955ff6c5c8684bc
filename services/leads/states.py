"""What a stream is after its events: a union for each kind, in which no wrong state can stand."""

from collections.abc import Mapping

from msgspec import Struct

from services.leads.events import Field, Kind, RuleSet, Stage
from shared.messages import Identifier

REQUIRABLE = frozenset({"product", "amount", "expected_close", "owner"})
"""Fields of a lead that a stage may require, beside those of one's own, `fields.NAME`."""


class Undefined(Struct, frozen=True, tag=True):
    """There is no such pipeline."""


class Defined(Struct, frozen=True, tag=True):
    """A pipeline; `replaced` says what became of every stage that was removed."""

    name: str
    kind: Kind
    stages: tuple[Stage, ...]
    reasons: tuple[str, ...]
    revision: int = 1
    replaced: Mapping[str, str] = {}

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def present(self, name: str) -> str:
        """The stage that a lead in this one is in by now."""
        return self.replaced.get(name, name)


class Retired(Struct, frozen=True, tag=True):
    """A pipeline in which no lead begins any more."""

    was: Defined


Pipeline = Undefined | Defined | Retired


class Known(Struct, frozen=True, omit_defaults=True):
    """What is known of a lead: `amount` in minor units of `currency`, both or neither.

    `rule` is that of routing by which it has its `owner`; `reached` the most points that a rule
    asks for and it came to. `since` is when it entered its stage; `absorbed` are the leads that
    went into it; `heated` and `judged` the versions of the rules by which it was hot last, and was
    prequalified or, where something `failed`, not.
    """

    pipeline: str
    stage: str
    since: str
    subject: str
    source: str
    channel: str
    title: str
    captured: str
    identifiers: tuple[Identifier, ...] = ()
    product: str | None = None
    amount: int | None = None
    currency: str | None = None
    expected_close: str | None = None
    owner: str | None = None
    fields: Mapping[str, Field] = {}
    inquiries: int = 1
    absorbed: tuple[str, ...] = ()
    heated: int = 0
    judged: int = 0
    failed: tuple[str, ...] = ()
    rule: str | None = None
    reached: int = 0

    def value(self, name: str) -> Field | None:
        """A field by the name that a stage requires it by."""
        if name.startswith("fields."):
            return self.fields.get(name.removeprefix("fields."))
        found: Field | None = getattr(self, name)
        return found


class Unknown(Struct, frozen=True, tag=True):
    """There is no such lead."""


class Open(Struct, frozen=True, tag=True):
    lead: Known


class Won(Struct, frozen=True, tag=True):
    lead: Known
    amount: int
    currency: str


class Lost(Struct, frozen=True, tag=True):
    lead: Known
    reason: str
    competitor: str | None = None


class Merged(Struct, frozen=True, tag=True):
    lead: Known
    into: str


Lead = Unknown | Open | Won | Lost | Merged


class Unscored(Struct, frozen=True, tag=True):
    """There are no rules yet."""


class Scored(Struct, frozen=True, tag=True):
    """The rules that stand; `epoch` is when they were made."""

    version: int
    rules: RuleSet
    epoch: str


Scoring = Unscored | Scored
