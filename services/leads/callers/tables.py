"""What a view has of callers: which leads name an identifier, and what products somebody has."""

from sqlalchemy import Column, Index, Integer, Table, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, key

named = Table(  # the identifiers of inquiries; that they are one person's is not learned from them
    "lead_identifiers",
    metadata,
    key("subject", Uuid),
    key("lead", Uuid),
    Column("version", Integer, nullable=False),  # of the lead, when it was first named so
)
Index("lead_identifiers_lead", named.c.lead)

had = Table(
    "products_had",
    metadata,
    key("subject", Uuid),
    key("product"),
    Column("ordered", Exact),  # stamps of the latest events
    Column("registered", Exact),
)
