"""Routing: ordered rules, then weighted round robin among those who are there and have room."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.decider.checks import Wrong, escaped, name, refuse, text, whole
from services.leads.routes import (
    DefineRouting,
    LeadLeft,
    LeadRouted,
    LeadUnrouted,
    Leave,
    LetLeadGo,
    Member,
    Ordered,
    RepresentativeLeft,
    RepresentativeReturned,
    Return,
    Route,
    RouteLead,
    Routing,
    RoutingCommand,
    RoutingDefined,
    RoutingEvent,
    Unordered,
)
from shared.errors import Conflict, FieldError
from shared.ids import event_id

STREAM = event_id("routing", "rules")
"""The one stream of routing."""

MOST_RULES, MOST_MEMBERS, MOST_WEIGHT, MOST_CAPACITY = 500, 500, 1_000, 1_000

FOR_PARTNERS = "partner"
"""The kind of the pipelines of which partners get leads."""

MOST_POINTS = 1_000_000

NO_RULE = "no rule holds"
NOBODY = "nobody of the team is there with room"


def decide(state: Routing, command: RoutingCommand) -> Sequence[RoutingEvent]:
    match command:
        case DefineRouting():
            return define(state, command)
        case Leave():
            return leave(state, command)
        case Return():
            return come_back(state, command)
        case RouteLead():
            return route(state, command)
        case LetLeadGo():
            return let_go(state, command)
        case _:
            assert_never(command)


def define(state: Routing, command: DefineRouting) -> Sequence[RoutingEvent]:
    refuse(_wrong(command))
    version = 0
    if isinstance(state, Ordered):
        if (state.rules, state.teams) == (command.rules, command.teams):
            return []
        version = state.version
    return [RoutingDefined(version + 1, command.rules, command.teams, at=command.at)]


def leave(state: Routing, command: Leave) -> Sequence[RoutingEvent]:
    refuse(
        [*text(command.representative, "/representative"), *text(command.reason or None, "/reason")]
    )
    if command.representative in _ordered(state).away:
        return []
    return [RepresentativeLeft(command.representative, command.reason, at=command.at)]


def come_back(state: Routing, command: Return) -> Sequence[RoutingEvent]:
    if command.representative not in _ordered(state).away:
        return []
    return [RepresentativeReturned(command.representative, at=command.at)]


def route(state: Routing, command: RouteLead) -> Sequence[RoutingEvent]:
    """Without rules nothing is routed; a lead that somebody has room for keeps its place."""
    if isinstance(state, Unordered):
        return []
    if command.score is not None:
        return _by_score(state, command)
    if command.lead in state.given:
        return []
    rule = next((rule for rule in state.rules if _holds(state, rule, command)), None)
    if rule is None:
        return [LeadUnrouted(command.lead, NO_RULE, state.version, at=command.at)]
    return _to(state, command, rule)


def _by_score(state: Ordered, command: RouteLead) -> Sequence[RoutingEvent]:
    """To whom an earlier rule gives it; a rule that is gone stands behind all others.

    Who has it keeps it where it would only change hands within the team, or nobody is there.
    """
    rule = next(
        (rule for rule in _before(state, command.rule) if _holds(state, rule, command)), None
    )
    if rule is None:
        return []
    members = {member.representative for member in state.teams.get(rule.team or "", ())}
    if command.owner is not None and command.owner in members | {rule.owner}:
        return []
    found = _to(state, command, rule)
    kept = command.owner is not None and isinstance(found[0], LeadUnrouted)
    return [] if kept else found


def _before(state: Ordered, id: str | None) -> Sequence[Route]:
    """The rules that stand before one."""
    places = {rule.id: place for place, rule in enumerate(state.rules)}
    return state.rules[: places.get(id or "", len(state.rules))]


def _to(state: Ordered, command: RouteLead, rule: Route) -> Sequence[RoutingEvent]:
    """To the owner that a rule names, or to one of its team."""
    lead, version, at = command.lead, state.version, command.at
    owner = rule.owner or _next(state, rule.team or "")
    if owner is None:
        return [LeadUnrouted(lead, NOBODY, version, rule.id, at=at)]
    asked = rule.score_at_least
    return [LeadRouted(lead, owner, rule.id, version, rule.team, asked, at=at)]


def let_go(state: Routing, command: LetLeadGo) -> Sequence[RoutingEvent]:
    """What takes nobody's room, or is that owner's already, is no news."""
    if isinstance(state, Unordered):
        return []
    given = state.given.get(command.lead)
    if given is None or given == command.owner:
        return []
    return [LeadLeft(command.lead, at=command.at)]


def evolve(state: Routing, event: RoutingEvent) -> Routing:
    if isinstance(event, RoutingDefined):
        return _defined(state, event)
    there = _ordered(state)
    match event:
        case RepresentativeLeft(representative):
            return replace(there, away=there.away | {representative})
        case RepresentativeReturned(representative):
            return replace(there, away=there.away - {representative})
        case LeadRouted():
            return _routed(there, event)
        case LeadUnrouted():
            return there
        case LeadLeft(lead):
            given = {each: owner for each, owner in there.given.items() if each != lead}
            return replace(there, given=given)
        case _:
            assert_never(event)


def _ordered(state: Routing) -> Ordered:
    if isinstance(state, Unordered):
        raise Conflict("There are no rules of routing yet.", code="no_routing")
    return state


def _defined(state: Routing, event: RoutingDefined) -> Ordered:
    if isinstance(state, Unordered):
        return Ordered(event.version, event.rules, event.teams)
    credits = {
        team: {member.representative: known.get(member.representative, 0) for member in members}
        for team, members in event.teams.items()
        if (known := state.credits.get(team)) is not None
    }
    return replace(
        state, version=event.version, rules=event.rules, teams=event.teams, credits=credits
    )


def _routed(there: Ordered, event: LeadRouted) -> Ordered:
    if event.team is None or event.team not in there.teams:
        return there
    credits = {**there.credits, event.team: _after(there, event.team, event.owner)}
    if not _is_bounded(there, event.owner):
        return replace(there, credits=credits)
    return replace(there, credits=credits, given={**there.given, event.lead: event.owner})


def _is_bounded(there: Ordered, owner: str) -> bool:
    """Whether it matters how many leads somebody has: nobody else's are remembered."""
    return any(
        member.capacity is not None
        for members in there.teams.values()
        for member in members
        if member.representative == owner
    )


def _next(state: Ordered, team: str) -> str | None:
    """Whose turn it is: smooth weighted round robin, as nginx has it.

    Everybody who may gets their weight as credit, the one with most of it is next and pays the
    weights of all: A, B and C of 5, 1, 1 come as A A B A C A A.
    """
    candidates = _candidates(state, team)
    if not candidates:
        return None
    credits = state.credits.get(team, {})
    return max(
        candidates,
        key=lambda each: (credits.get(each.representative, 0) + each.weight, each.weight),
    ).representative


def _after(state: Ordered, team: str, owner: str) -> Mapping[str, int]:
    """The credits once it was somebody's turn."""
    candidates = _candidates(state, team)
    credits = dict(state.credits.get(team, {}))
    for member in candidates:
        who = member.representative
        credits[who] = credits.get(who, 0) + member.weight
    credits[owner] = credits.get(owner, 0) - sum(member.weight for member in candidates)
    return credits


def _candidates(state: Ordered, team: str) -> list[Member]:
    """Who of a team is there and has room, in the order of the team."""
    busy = Counter(state.given.values())
    return [
        member
        for member in state.teams.get(team, ())
        if member.representative not in state.away
        and (member.capacity is None or busy[member.representative] < member.capacity)
    ]


def _holds(state: Ordered, rule: Route, lead: RouteLead) -> bool:
    fields = lead.fields or {}
    place = {name: str(fields.get(name, "")).casefold() for name in _PLACES}
    return all(
        (
            lead.kind == FOR_PARTNERS or not is_for_partners(rule, state.teams),
            rule.score_at_least is None or (lead.score or 0) >= rule.score_at_least,
            _one_of(rule.pipelines, lead.pipeline),
            _one_of(rule.channels, lead.channel),
            _one_of(rule.products, lead.product or ""),
            _begins(rule.sources, lead.source),
            _one_of(_folded(rule.countries), place["country"]),
            _one_of(_folded(rule.regions), place["region"]),
            _begins(_folded(rule.postcodes), place["postcode"]),
        )
    )


def is_for_partners(rule: Route, teams: Mapping[str, Sequence[Member]]) -> bool:
    """Whether a lead may go to a partner by it."""
    members = (member.representative for member in teams.get(rule.team or "", ()))
    return any(who.startswith("partner:") for who in (rule.owner or "", *members))


_PLACES = ("country", "region", "postcode")


def _one_of(wanted: Sequence[str], value: str) -> bool:
    return not wanted or value in wanted


def _begins(wanted: tuple[str, ...], value: str) -> bool:
    return not wanted or value.startswith(wanted)


def _folded(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(value.casefold() for value in values)


def _wrong(command: DefineRouting) -> Wrong:
    if not command.rules:
        yield FieldError("/rules", "no_rules", "There is at least one rule.")
    yield from whole(len(command.rules), "/rules", 0, MOST_RULES)
    seen: Counter[str] = Counter()
    for number, rule in enumerate(command.rules):
        seen[rule.id] += 1
        if seen[rule.id] == 2:
            yield FieldError(
                f"/rules/{number}/id", "duplicate", f"There are two rules {rule.id!r}."
            )
        yield from _wrong_rule(rule, command.teams, f"/rules/{number}")
    for team, members in command.teams.items():
        yield from name(team, f"/teams/{escaped(team)}")
        yield from _wrong_team(members, f"/teams/{escaped(team)}")


def _wrong_rule(rule: Route, teams: Mapping[str, Sequence[Member]], pointer: str) -> Wrong:
    yield from name(rule.id, f"{pointer}/id")
    yield from text(rule.owner, f"{pointer}/owner")
    if (rule.team is None) == (rule.owner is None):
        detail = "A rule names a team or an owner, one of the two."
        yield FieldError(f"{pointer}/team", "team_or_owner", detail)
    elif rule.team is not None and rule.team not in teams:
        known = ", ".join(sorted(teams)) or "none"
        detail = f"{rule.team!r} is none of the teams: {known}."
        yield FieldError(f"{pointer}/team", "unknown_team", detail)
    if rule.score_at_least is not None:
        yield from whole(rule.score_at_least, f"{pointer}/score_at_least", 1, MOST_POINTS)
    if is_for_partners(rule, teams) and not rule.pipelines:
        detail = "A partner gets leads of pipelines for partners alone: name them."
        yield FieldError(f"{pointer}/pipelines", "partner_pipelines", detail)
    for part in (
        "pipelines",
        "sources",
        "channels",
        "products",
        "countries",
        "regions",
        "postcodes",
    ):
        for number, value in enumerate(getattr(rule, part)):
            if not value.strip():
                detail = f"This rule never matches: no lead has an empty one of {part}."
                yield FieldError(f"{pointer}/{part}/{number}", "never_matches", detail)


def _wrong_team(members: Sequence[Member], pointer: str) -> Wrong:
    if not members:
        yield FieldError(pointer, "empty_team", "A team has at least one member.")
    yield from whole(len(members), pointer, 0, MOST_MEMBERS)
    seen: Counter[str] = Counter()
    for number, member in enumerate(members):
        at = f"{pointer}/{number}"
        seen[member.representative] += 1
        if seen[member.representative] == 2:
            detail = f"{member.representative!r} is there twice."
            yield FieldError(f"{at}/representative", "duplicate", detail)
        yield from text(member.representative, f"{at}/representative")
        yield from whole(member.weight, f"{at}/weight", 1, MOST_WEIGHT)
        if member.capacity is not None:
            yield from whole(member.capacity, f"{at}/capacity", 1, MOST_CAPACITY)
