"""Follow-ups: guided steps with reminders, appointments, tactics, and a representative's day."""

from collections.abc import Iterable

from services.leads.follow_ups.api import ROUTERS
from services.leads.follow_ups.decider import CALENDARS, FOLLOW_UP, PLAYBOOK
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.follow_ups.defaults import playbook
from services.leads.follow_ups.made_by import MADE_BY
from services.leads.follow_ups.policies import REACT
from services.leads.follow_ups.projections import PROJECT, TABLES
from services.leads.follow_ups.reminding import REMINDING
from services.leads.part import Begun, Part


def _begin(at: str) -> Iterable[Begun]:
    yield Begun(PLAYBOOK, STREAM, playbook(at))


PART = Part(
    routers=ROUTERS,
    paths=(
        *("/v1/sequences", "/v1/tactics", "/v1/follow-ups", "/v1/appointments", "/v1/day"),
        "/v1/calendars",
    ),
    deciders=(FOLLOW_UP, PLAYBOOK, CALENDARS),
    tables=TABLES,
    project=PROJECT,
    react=REACT,
    singles=(REMINDING,),
    begin=_begin,
    made_by=MADE_BY,
)
