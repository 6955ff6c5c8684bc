"""Which topics contact reads and what folds them."""

from collections.abc import Callable

from services.contact import inbound, tables
from services.contact.projections import PROJECTION
from services.contact.proof import PROOF
from shared.log import Topic
from shared.messages import Record
from shared.projection import Event, View

INTERACTIONS = Topic("interactions")
QUARANTINE = Topic("quarantine", max_bytes=8 * 1024 * 1024)
DECLARATIONS = Topic("declarations")
OWNED = (INTERACTIONS, QUARANTINE, DECLARATIONS)
CUSTOMERS = "customers"


def view(prefix: str) -> View:
    """Contact's view of a deployment whose topic names begin with `prefix`."""
    return View(
        service="contact",
        version=tables.VERSION,
        topics=(INTERACTIONS.name, QUARANTINE.name, CUSTOMERS),
        metadata=tables.metadata,
        decode=_reader(prefix),
        projection=PROJECTION,
        fold=PROJECTION.fold,
        proof=PROOF,
    )


def _reader(prefix: str) -> Callable[[Record], Event]:
    quarantine, customers = f"{prefix}{QUARANTINE.name}.", f"{prefix}{CUSTOMERS}."

    def decode(record: Record) -> Event:
        topic = record.place.topic
        if topic.startswith(quarantine):
            return inbound.quarantined(record)
        if topic.startswith(customers):
            return inbound.belongs(record)
        return inbound.interaction(record)

    return decode
