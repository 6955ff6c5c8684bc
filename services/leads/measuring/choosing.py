"""Whose numbers are asked for, and whose may be seen."""

from services.leads.api.context import seen_by
from services.leads.api.teams import Teams, of_team
from services.leads.measuring.filters import CONDITIONS
from services.leads.measuring.parameters import Told
from services.leads.queries.filters import Filter
from shared.auth import Key


def chosen(parameters: Told, teams: Teams, key: Key) -> tuple[Filter, ...]:
    """What was asked for, and what may be seen. Raises Unprocessable for an unknown team."""
    given = parameters.model_dump(exclude_none=True)
    found = [
        of_team(Filter(name, tuple(value) if isinstance(value, list) else value), teams)
        for name, value in given.items()
        if name in CONDITIONS
    ]
    may = seen_by(key)
    return (*found, *(() if may is None else (Filter("owner_eq", (may,)),)))
