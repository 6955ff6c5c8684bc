"""What each event of a lead said that a forecast is made of: how it was at any moment."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, Table, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key

estimates = Table(
    "estimates",
    metadata,
    key("lead", Uuid),
    key("version", Integer),
    Column("at", When, nullable=False),
    Column("pipeline", Exact),  # of the event that it began with
    Column("source", Exact),
    Column("stage", Exact),  # where it said that
    Column("state", Exact),  # open, won, lost, merged
    Column("won_amount", BigInteger),  # minor units
    Column("won_currency", Exact),
    Column("priced", Boolean, nullable=False),  # whether it said the amount, which may be none
    Column("amount", BigInteger),  # minor units
    Column("currency", Exact),
    Column("dated", Boolean, nullable=False),
    Column("expected_close", Date),
    Column("owned", Boolean, nullable=False),
    Column("owner", Exact),
    Column("chosen", Boolean, nullable=False),
    Column("product", Exact),
)
Index("estimates_at", estimates.c.at)

estimate_lines = Table(  # what a lead was said to be made of; 0 stands for saying so at all
    "estimate_lines",
    metadata,
    key("lead", Uuid),
    key("version", Integer),  # of its opportunity
    key("line", Integer),
    Column("at", When, nullable=False),
    Column("sku", Exact),
    Column("category", Exact),  # as it was then
    Column("amount", BigInteger),  # minor units
    Column("currency", Exact),
)
