"""Which topics leads reads, what folds them, and what decides about them."""

from collections.abc import Callable
from typing import Any

from services.leads import inbound, tables
from services.leads.decider import LEAD, PIPELINE, ROUTING, SCORING
from services.leads.part import SOURCE as SOURCE
from services.leads.parts import PARTS
from services.leads.policies import policy
from services.leads.projections import projection
from services.leads.proof import proof
from shared.decider import Decider
from shared.deciding.policies import policies_view
from shared.deciding.reading import reader
from shared.log import Topic
from shared.messages import Record
from shared.projection import Event, View

LEADS = Topic("leads")
OWNED = (LEADS,)
READ = ("interactions", "customers", LEADS.name)
DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    *(LEAD, PIPELINE, ROUTING, SCORING),
    *(decider for part in PARTS for decider in part.deciders),
)
PROJECTION = projection(PARTS)
POLICY = policy(PARTS)
PROOF = proof(PARTS)

decided = reader({name: kind for each in DECIDERS for name, kind in each.events.items()})
"""A record of `leads`, our own: its event, None where its type is not known."""


def view(prefix: str) -> View:
    """The view of a deployment whose topic names begin with `prefix`."""
    return View(
        service="leads",
        version=tables.VERSION,
        topics=READ,
        metadata=tables.metadata,
        decode=_reader(prefix),
        projection=PROJECTION,
        fold=PROJECTION.fold,
        proof=PROOF,
    )


def policies(prefix: str) -> View:
    """What leads decides of its own accord."""
    return policies_view("leads", SOURCE, READ, _reader(prefix), POLICY)


def _reader(prefix: str) -> Callable[[Record], Event]:
    leads, customers = f"{prefix}{LEADS.name}.", f"{prefix}customers."

    def decode(record: Record) -> Event:
        topic = record.place.topic
        if topic.startswith(leads):
            return decided(record)
        if topic.startswith(customers):
            return inbound.belongs(record)
        return inbound.interaction(record)

    return decode
