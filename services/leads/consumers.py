"""Which topics leads reads, what folds them, and what decides about them."""

from collections.abc import Callable

from services.leads import inbound, tables
from services.leads.policies import POLICY
from services.leads.projections import PROJECTION
from services.leads.proof import PROOF
from shared.deciding.policies import policies_view
from shared.log import Topic
from shared.messages import Record
from shared.projection import Event, View

SOURCE = "/leads"
LEADS = Topic("leads")
OWNED = (LEADS,)
READ = ("interactions", "customers", LEADS.name)


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
            return inbound.decided(record)
        if topic.startswith(customers):
            return inbound.belongs(record)
        return inbound.interaction(record)

    return decode
