"""One event of every type that the score of a lead comes to, with everything in it."""

from typing import Any

from services.leads.decider import LEAD
from services.leads.events import (
    LeadDisqualified,
    LeadEvent,
    LeadHeated,
    LeadPrequalified,
    LeadScored,
)
from tests.leads.examples import JANE
from tests.records import at

STREAM = "0191d5a0-0000-7000-8000-000000000001"
_OF_SCORES: list[LeadEvent] = [
    LeadHeated(51.5, 1, 50, at=at(6)),
    LeadPrequalified(51.5, 1, at=at(6)),
    LeadDisqualified(7.25, 2, ("known", "least"), at=at(7)),
]
SCORED = LeadScored(51.5, 1, 50, "sales", at=at(6))

EVENTS: dict[str, tuple[str, str, Any]] = {
    LEAD.name_of(event): (STREAM, JANE, event) for event in _OF_SCORES
}
"""By type: the stream, the partition key, the event."""
