"""What measures of customers are made of: orders, subscriptions, costs, contacts of ours."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Numeric, Table, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key

orders = Table(
    "orders",
    metadata,
    key("namespace"),
    key("number"),
    Column("subject", Uuid),  # of the earliest event that names somebody
    Column("attached", Exact),  # its stamp
    Column("placed", Exact),  # stamp of the latest order.placed, of which the next three are
    Column("amount", BigInteger),  # minor units
    Column("currency", Exact),
    Column("cost", Numeric),  # of its lines, minor units of the currency
    Column("ordered", When),  # time of the earliest order.placed
    Column("cancelled", Exact),  # stamp of the latest order.cancelled; stands if after `placed`
)
Index("orders_subject", orders.c.subject)

returns = Table(
    "returns",
    metadata,
    key("namespace"),
    key("number"),
    key("stamp"),
    Column("at", When, nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units given back
    Column("currency", Exact),  # null: that of the order
)

terms = Table(  # what was said of subscriptions: each event, for what stood at a moment
    "terms",
    metadata,
    key("namespace"),
    key("number"),
    key("stamp"),
    Column("subject", Uuid),
    Column("kind", Exact, nullable=False),  # started, renewed, cancelled, due
    Column("at", When, nullable=False),
    Column("term", Exact),
    Column("amount", BigInteger),  # minor units a term
    Column("currency", Exact),
    Column("yearly", BigInteger),  # minor units a year; null where the term is not understood
)

costs = Table(
    "costs",
    metadata,
    key("subject", Uuid),
    key("event", Uuid),
    Column("known", Boolean, nullable=False),  # whether it was spent on somebody
    Column("at", When, nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units
    Column("currency", Exact, nullable=False),
    Column("purpose", Exact, nullable=False),  # leads, sales, retention or another
    Column("owner", Exact),
    Column("pipeline", Exact),
    Column("source", Exact),
    Column("product", Exact),
    Column("country", Exact),
    Column("region", Exact),
)
Index("costs_at", costs.c.at)

contacts = Table(
    "contacts",
    metadata,
    key("subject", Uuid),
    key("event", Uuid),
    Column("known", Boolean, nullable=False),  # whether it was with somebody
    Column("at", When, nullable=False),
    Column("type", Exact, nullable=False),
    Column("purpose", Exact),
    Column("representative", Exact),
)
Index("contacts_at", contacts.c.at)
