"""What a view has of partners: columns are merged in groups, by the version that wrote them."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key

partners = Table(
    "partners",
    metadata,
    key("partner", Uuid),  # the stream
    Column("begun", Integer),
    Column("principal", Exact),
    Column("said", Integer),
    Column("name", Text),
    Column("price_list", Exact),
    Column("release", Text),  # JSON
    Column("active", Boolean),
    Column("version", Integer, nullable=False),
    Column("touched", When, nullable=False),
)
Index("partners_principal", partners.c.principal)
