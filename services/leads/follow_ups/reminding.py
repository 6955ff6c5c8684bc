"""That the moment of a step came is told once: it is due, then overdue."""

from services.leads.follow_ups.commands import Remind
from services.leads.follow_ups.decider import FOLLOW_UP
from services.leads.follow_ups.projections import step_of
from services.leads.follow_ups.tables import due
from services.leads.part import SOURCE
from shared.deciding.timers import Moment, Timer, timer


def _remind(moment: Moment) -> Remind:
    return Remind(step=step_of(moment.name), moment=moment.due, at=moment.at)


REMINDER = Timer("follow-ups", due.name, FOLLOW_UP, _remind)
REMINDING = timer(SOURCE, REMINDER)
