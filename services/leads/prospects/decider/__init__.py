"""What is decided about prospects: they themselves, target lists, how lost leads return."""

from services.leads.prospects import commands, events, states
from services.leads.prospects.decider import lists, prospect, rules
from shared.decider import Decider

PROSPECT: Decider[states.Prospect, commands.ProspectCommand, events.ProspectEvent] = Decider(
    category="prospect",
    initial=states.Absent(),
    decide=prospect.decide,
    evolve=prospect.evolve,
    events=events.PROSPECT_EVENTS,
    states=states.Prospect,
    claims=prospect.claims,
)

TARGET_LIST: Decider[states.List, commands.ListCommand, events.TargetListEvent] = Decider(
    category="target-list",
    initial=states.Undefined(),
    decide=lists.decide,
    evolve=lists.evolve,
    events=events.TARGET_LIST_EVENTS,
    states=states.List,
)

REACTIVATION: Decider[
    states.Reactivation, commands.ReactivationCommand, events.ReactivationEvent
] = Decider(
    category="reactivation",
    initial=states.Unruled(),
    decide=rules.decide,
    evolve=rules.evolve,
    events=events.REACTIVATION_EVENTS,
    states=states.Reactivation,
)
