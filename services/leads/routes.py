"""Routing: its rules, what is decided by them, what may be asked, and what a stream of it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from services.leads.events import Fact, Field, Kind


class Member(Struct, frozen=True, omit_defaults=True):
    """A representative of a team: of the leads that the team gets, `weight` parts.

    `capacity`: leads that were given to it and are open, at most.
    """

    representative: str
    weight: int = 1
    capacity: int | None = None


class Route(Struct, frozen=True, omit_defaults=True):
    """A rule: a lead that meets every condition given goes to one of a team, or to an owner.

    `sources` and `postcodes` are beginnings; country, region and postcode are the lead's own
    fields of those names. `score_at_least`: points; nothing is known of them when a lead begins.
    The first rule that holds decides. A partner gets leads of pipelines for partners alone.
    """

    id: str
    team: str | None = None
    owner: str | None = None
    pipelines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()
    score_at_least: int | None = None


class RoutingDefined(Fact, frozen=True):
    """Leads are routed by these rules from now on, in their order, to these teams."""

    version: int
    rules: tuple[Route, ...]
    teams: Mapping[str, tuple[Member, ...]]


class RepresentativeLeft(Fact, frozen=True):
    """Somebody is away: nothing goes there until they are back."""

    representative: str
    reason: str = ""


class RepresentativeReturned(Fact, frozen=True):
    """Somebody is back."""

    representative: str


class LeadRouted(Fact, frozen=True):
    """A lead goes to an owner: by which rule of which version, in whose turn.

    `score`: the points that the rule asks for, where it asks for some.
    """

    lead: str
    owner: str
    rule: str
    version: int
    team: str | None = None
    score: int | None = None


class LeadUnrouted(Fact, frozen=True):
    """No rule holds for a lead, or nobody of the team is there with room for one more."""

    lead: str
    reason: str
    version: int
    rule: str | None = None


class LeadLeft(Fact, frozen=True):
    """A lead that took somebody's room is closed, or is somebody else's: there is room again."""

    lead: str


RoutingEvent = (
    RoutingDefined
    | RepresentativeLeft
    | RepresentativeReturned
    | LeadRouted
    | LeadUnrouted
    | LeadLeft
)

ROUTING_EVENTS: Mapping[str, type[RoutingEvent]] = {
    "routing.defined": RoutingDefined,
    "representative.left": RepresentativeLeft,
    "representative.returned": RepresentativeReturned,
    "lead.routed": LeadRouted,
    "lead.unrouted": LeadUnrouted,
    "lead.left": LeadLeft,
}


@dataclass(frozen=True, kw_only=True)
class DefineRouting:
    """Other rules and teams; whose turn it is in a team that stays is kept."""

    rules: tuple[Route, ...]
    teams: Mapping[str, tuple[Member, ...]]
    at: str


@dataclass(frozen=True, kw_only=True)
class Leave:
    representative: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Return:
    representative: str
    at: str


@dataclass(frozen=True, kw_only=True)
class RouteLead:
    """Find an owner for a lead of which this is known.

    With a `score`, an owner by a rule that stands before `rule`, by which it has its `owner`.
    """

    lead: str
    pipeline: str
    source: str
    channel: str
    kind: Kind
    at: str
    product: str | None = None
    fields: Mapping[str, Field] | None = None
    score: int | None = None
    owner: str | None = None
    rule: str | None = None


@dataclass(frozen=True, kw_only=True)
class LetLeadGo:
    """A lead is closed; with `owner`, it is that one's now."""

    lead: str
    at: str
    owner: str | None = None


RoutingCommand = DefineRouting | Leave | Return | RouteLead | LetLeadGo


class Unordered(Struct, frozen=True, tag=True):
    """There are no rules: nothing is routed."""


class Ordered(Struct, frozen=True, tag=True):
    """The rules that stand.

    `credits` by team and representative say whose turn is next, `given` who has which lead, of
    those whose capacity is bounded.
    """

    version: int
    rules: tuple[Route, ...]
    teams: Mapping[str, tuple[Member, ...]]
    away: frozenset[str] = frozenset()
    credits: Mapping[str, Mapping[str, int]] = {}
    given: Mapping[str, str] = {}


Routing = Unordered | Ordered
