"""Teams, as routing has them now: who is a member of which."""

from collections.abc import Collection, Iterable, Mapping

from fastapi import Request

from services.leads.api.context import handler_of
from services.leads.decider import ROUTING
from services.leads.decider.routing import STREAM
from services.leads.queries.filters import Filter
from services.leads.routes import Ordered
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


async def of_members(request: Request, filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """Conditions in which a team is its members. Raises Unprocessable for one that is none."""
    found = tuple(filters)
    if not any(each.name.startswith("team_") for each in found):
        return found
    teams = await teams_of(request)
    return tuple(of_team(each, teams) for each in found)


def of_team(filter: Filter, teams: Teams) -> Filter:
    """A condition on a team as one on its members; of any team, on those of all."""
    if filter.name == "team_exists":
        everybody = tuple(sorted({member for members in teams.values() for member in members}))
        return Filter("team_exists" if filter.value else "team_lacking", everybody)
    if filter.name == "team_eq":
        return Filter("team_eq", _members(filter.value, teams))
    return filter


def _members(names: object, teams: Teams) -> tuple[str, ...]:
    wanted = names if isinstance(names, tuple) else ()
    for name in wanted:
        if name not in teams:
            known = ", ".join(sorted(teams)) or "no team at all"
            raise wrong_parameter(
                "filter[team][eq]", "unknown_team", f"{name!r} is none: there is {known}."
            )
    return tuple(sorted({member for name in wanted for member in teams[name]}))
