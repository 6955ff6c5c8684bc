"""What is decided about plans: goals, and the rules of commissions."""

from services.leads.planning import states
from services.leads.planning.commands import DefineCommissions, GoalCommand
from services.leads.planning.decider import goals, rules
from services.leads.planning.events import (
    COMMISSION_EVENTS,
    GOAL_EVENTS,
    CommissionsDefined,
    GoalEvent,
)
from shared.decider import Decider

GOAL: Decider[states.Goal, GoalCommand, GoalEvent] = Decider(
    category="goal",
    initial=states.NoGoal(),
    decide=goals.decide,
    evolve=goals.evolve,
    events=GOAL_EVENTS,
    states=states.Goal,
)

COMMISSIONS: Decider[states.Commissions, DefineCommissions, CommissionsDefined] = Decider(
    category="commissions",
    initial=states.Unpaid(),
    decide=rules.define,
    evolve=rules.evolve,
    events=COMMISSION_EVENTS,
    states=states.Commissions,
)
