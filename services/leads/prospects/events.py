"""The facts of prospects, of target lists, and of the rules by which lost leads return."""

from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from services.leads.events import Fact, Field
from shared.messages import Identifier

Why = Literal["command", "consent"]
"""What bars a prospect: somebody said so, or the customer withdrew consent."""


class ProspectKept(Fact, frozen=True):
    """Somebody is kept to be spoken to, perhaps on a date: `come_back`, a moment.

    `name` of the person or `organisation`; `source` is where it came from. `into`: when the date
    comes, a lead begins in that pipeline; `rule` is by which rule of reactivation.
    """

    subject: str
    name: str
    source: str
    identifiers: tuple[Identifier, ...] = ()
    organisation: str | None = None
    fields: Mapping[str, Field] = {}
    come_back: str | None = None
    into: str | None = None
    rule: str | None = None


class ProspectDescribed(Fact, frozen=True):
    """What is known of a prospect changed: only what did; null takes a value away."""

    name: str | UnsetType = UNSET
    organisation: str | UnsetType | None = UNSET
    identifiers: tuple[Identifier, ...] | UnsetType = UNSET
    fields: Mapping[str, Field | None] = {}


class ProspectPutOff(Fact, frozen=True):
    """Another date to come back, or none."""

    come_back: str | None
    reason: str = ""
    into: str | None = None
    rule: str | None = None


class ProspectDue(Fact, frozen=True):
    """The date to come back, `come_back`, came; `into` is where a lead begins by that."""

    come_back: str
    into: str | None = None


class ProspectBarred(Fact, frozen=True):
    """Not to be contacted any more; `subject` and `identifiers` are whose consent it was."""

    subject: str
    reason: str
    by: Why = "command"
    identifiers: tuple[Identifier, ...] = ()


class ProspectReleased(Fact, frozen=True):
    """May be contacted again, next on `come_back`."""

    reason: str
    come_back: str | None = None


class ProspectPromoted(Fact, frozen=True):
    """A lead of that pipeline is what to work on now."""

    lead: str
    pipeline: str


class ProspectDropped(Fact, frozen=True):
    """Nobody is to be spoken to here any more, on no list either."""

    reason: str


class ProspectListed(Fact, frozen=True):
    """It stands on a list."""

    list: str


class ProspectUnlisted(Fact, frozen=True):
    """It was taken off a list."""

    list: str


class TargetListDefined(Fact, frozen=True):
    """A list: what for, and how it is filled.

    `filters` over the profile's customers, by name as `revenue_gte`; without any, by import.
    """

    name: str
    purpose: str
    filters: Mapping[str, str] = {}


class TargetListFilled(Fact, frozen=True):
    """A step of filling it from the profile: `seen` customers, of whom `kept` are new prospects.

    `cursor` is where the next step goes on; without one the list is filled.
    """

    name: str
    seen: int
    kept: int
    cursor: str | None = None


class TargetListClosed(Fact, frozen=True):
    """Nobody comes onto this list any more."""

    name: str
    reason: str = ""


class Return(Struct, frozen=True, omit_defaults=True):
    """A rule of reactivation: a lead lost in one of `pipelines` for one of `reasons` (empty: any).

    After `days` its customer is due; with `promote`, a lead then begins in the pipeline `into`.
    """

    id: str
    days: int
    pipelines: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    into: str = "win-back"
    promote: bool = False


class ReactivationDefined(Fact, frozen=True):
    """Lost leads return by these rules from now on: by the first one that holds."""

    version: int
    rules: tuple[Return, ...]


ProspectEvent = (
    ProspectKept
    | ProspectDescribed
    | ProspectPutOff
    | ProspectDue
    | ProspectBarred
    | ProspectReleased
    | ProspectPromoted
    | ProspectDropped
    | ProspectListed
    | ProspectUnlisted
)
TargetListEvent = TargetListDefined | TargetListFilled | TargetListClosed
ReactivationEvent = ReactivationDefined

PROSPECT_EVENTS: Mapping[str, type[ProspectEvent]] = {
    "prospect.kept": ProspectKept,
    "prospect.described": ProspectDescribed,
    "prospect.put_off": ProspectPutOff,
    "prospect.due": ProspectDue,
    "prospect.barred": ProspectBarred,
    "prospect.released": ProspectReleased,
    "prospect.promoted": ProspectPromoted,
    "prospect.dropped": ProspectDropped,
    "prospect.listed": ProspectListed,
    "prospect.unlisted": ProspectUnlisted,
}
TARGET_LIST_EVENTS: Mapping[str, type[TargetListEvent]] = {
    "target-list.defined": TargetListDefined,
    "target-list.filled": TargetListFilled,
    "target-list.closed": TargetListClosed,
}
REACTIVATION_EVENTS: Mapping[str, type[ReactivationEvent]] = {
    "reactivation.defined": ReactivationDefined
}
