"""Plans: goals beside what they came to, and commissions for whoever had a part in a won lead."""

from services.leads.made_by import stream, version_in
from services.leads.part import Part
from services.leads.planning import projections
from services.leads.planning.api import commissions, goals
from services.leads.planning.decider import COMMISSIONS, GOAL
from services.leads.planning.decider.rules import STREAM
from services.leads.planning.events import CommissionsDefined, GoalChanged, GoalRetired, GoalSet

PART = Part(
    routers=(goals.router, commissions.router),
    paths=("/v1/goals", "/v1/commissions"),
    deciders=(GOAL, COMMISSIONS),
    tables=(projections.GOALS, projections.RULES),
    project={
        **dict.fromkeys((GoalSet, GoalChanged, GoalRetired), projections.goal),
        CommissionsDefined: projections.rules,
    },
    made_by={"goals": stream("goal"), "commission_rules": version_in(STREAM)},
)
