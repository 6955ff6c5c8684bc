"""What the service decides: leads, pipelines, the rules of scoring."""

from services.leads import events, routes, states
from services.leads.commands import LeadCommand, PipelineCommand, ScoringCommand
from services.leads.decider import lead, pipeline, routing, scoring
from services.leads.events import LeadEvent, PipelineEvent, ScoringEvent
from shared.decider import Decider

LEAD: Decider[states.Lead, LeadCommand, LeadEvent] = Decider(
    category="lead",
    initial=states.Unknown(),
    decide=lead.decide,
    evolve=lead.evolve,
    events=events.LEAD_EVENTS,
    states=states.Lead,
    claims=lead.claims,
)

PIPELINE: Decider[states.Pipeline, PipelineCommand, PipelineEvent] = Decider(
    category="pipeline",
    initial=states.Undefined(),
    decide=pipeline.decide,
    evolve=pipeline.evolve,
    events=events.PIPELINE_EVENTS,
    states=states.Pipeline,
)

SCORING: Decider[states.Scoring, ScoringCommand, ScoringEvent] = Decider(
    category="scoring",
    initial=states.Unscored(),
    decide=scoring.decide,
    evolve=scoring.evolve,
    events=events.SCORING_EVENTS,
    states=states.Scoring,
)

ROUTING: Decider[routes.Routing, routes.RoutingCommand, routes.RoutingEvent] = Decider(
    category="routing",
    initial=routes.Unordered(),
    decide=routing.decide,
    evolve=routing.evolve,
    events=routes.ROUTING_EVENTS,
    states=routes.Routing,
)
