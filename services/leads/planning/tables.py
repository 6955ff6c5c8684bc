"""Goals and rules of commissions, as lists and statements read them."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, Table, Text, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key

goals = Table(
    "goals",
    metadata,
    key("goal", Uuid),
    Column("kind", Exact),  # what it is about never changes
    Column("name", Exact),
    Column("measure", Exact),
    Column("currency", Exact),
    Column("period", Exact),
    Column("first", Date),
    Column("aimed", Integer),  # the version that said the target
    Column("target", BigInteger),  # a count, or minor units
    Column("stood", Integer),
    Column("retired", Boolean),
    Column("version", Integer, nullable=False),
)

commission_rules = Table(  # all that ever were: a lead is paid by those of when it was won
    "commission_rules",
    metadata,
    key("version", Integer),
    Column("since", When, nullable=False),
    Column("rules", Text, nullable=False),  # JSON
)
