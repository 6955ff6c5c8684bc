"""Whose numbers are asked for, and whose may be seen; teams as routing has them now."""

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request

from services.leads.api.context import handler_of, seen_by
from services.leads.decider import ROUTING
from services.leads.decider.routing import STREAM
from services.leads.measuring.filters import CONDITIONS
from services.leads.measuring.parameters import Told
from services.leads.queries.filters import Filter
from services.leads.routes import Ordered
from shared.auth import Key
from shared.http import wrong_parameter

Teams = Mapping[str, Collection[str]]


async def teams_of(request: Request) -> Teams:
    """The members of every team now, by the team's name; somebody may be in several."""
    state = (await handler_of(request).load(ROUTING, STREAM)).state
    if not isinstance(state, Ordered):
        return {}
    return {
        team: sorted({each.representative for each in members})
        for team, members in state.teams.items()
    }


def chosen(parameters: Told, teams: Teams, key: Key) -> tuple[Filter, ...]:
    """What was asked for, and what may be seen. Raises Unprocessable for an unknown team."""
    given: dict[str, Any] = {
        name: value
        for name, value in parameters.model_dump(exclude_none=True).items()
        if name in CONDITIONS
    }
    found = [_filter(name, value, teams) for name, value in given.items()]
    if (may := seen_by(key)) is None:
        return tuple(found)
    mine = {may}.union(*(members for members in teams.values() if may in members))
    return (*found, Filter("owner_eq", tuple(sorted(mine))))


def _filter(name: str, value: Any, teams: Teams) -> Filter:
    if name == "team_exists":
        everybody = tuple(sorted({member for members in teams.values() for member in members}))
        return Filter("team_exists" if value else "team_lacking", everybody)
    if name == "team_eq":
        return Filter(name, _members(value, teams))
    return Filter(name, tuple(value) if isinstance(value, list) else value)


def _members(names: list[str], teams: Teams) -> tuple[str, ...]:
    for name in names:
        if name not in teams:
            known = ", ".join(sorted(teams)) or "no team at all"
            raise wrong_parameter(
                "filter[team][eq]", "unknown_team", f"{name!r} is none: there is {known}."
            )
    return tuple(sorted({member for name in names for member in teams[name]}))
