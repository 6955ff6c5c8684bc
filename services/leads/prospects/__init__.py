"""People and organisations kept before they are leads: target lists, dates to come back.

Owns the streams prospect, target-list and reactivation. A customer is one prospect. What it may
not be asked again, what it was promoted into and when it returns follow from its events.
"""

from services.leads.made_by import stream, version
from services.leads.part import SOURCE, Part
from services.leads.prospects.api import ROUTERS
from services.leads.prospects.barring import is_barred
from services.leads.prospects.commands import CallUp
from services.leads.prospects.decider import PROSPECT, REACTIVATION, TARGET_LIST
from services.leads.prospects.decider.lists import stream_of
from services.leads.prospects.policies import REACT
from services.leads.prospects.projections import PROJECT, TABLES
from shared.deciding.timers import Moment, Timer, timer


def _call_up(moment: Moment) -> CallUp:
    return CallUp(due=moment.due, at=moment.at)


COMING_BACK = Timer("prospects", "prospect_due", PROSPECT, _call_up)
"""The dates on which prospects are due."""

PART = Part(
    routers=ROUTERS,
    paths=("/v1/prospects", "/v1/target-lists"),
    deciders=(PROSPECT, TARGET_LIST, REACTIVATION),
    tables=TABLES,
    project=PROJECT,
    react=REACT,
    singles=(timer(SOURCE, COMING_BACK),),
    made_by={
        "prospects": stream("prospect"),
        **dict.fromkeys(("prospect_fields", "prospect_lists"), version("prospect")),
        "target_lists": stream("name", stream_of),
        "prospect_due": version("stream"),
    },
    bars=(is_barred,),
)
