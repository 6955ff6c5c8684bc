"""What is decided of opportunities and quotes."""

from services.leads.quotes import events, states
from services.leads.quotes.commands import OpportunityCommand, QuoteCommand
from services.leads.quotes.decider import opportunity, quote
from services.leads.quotes.events import OpportunityEvent, QuoteEvent
from shared.decider import Decider

OPPORTUNITY: Decider[states.Opportunity, OpportunityCommand, OpportunityEvent] = Decider(
    category="opportunity",
    initial=states.Undescribed(),
    decide=opportunity.describe,
    evolve=opportunity.evolve,
    events=events.OPPORTUNITY_EVENTS,
    states=states.Opportunity,
)

QUOTE: Decider[states.Quote, QuoteCommand, QuoteEvent] = Decider(
    category="quote",
    initial=states.Unwritten(),
    decide=quote.decide,
    evolve=quote.evolve,
    events=events.QUOTE_EVENTS,
    states=states.Quote,
    claims=quote.claims,
)
