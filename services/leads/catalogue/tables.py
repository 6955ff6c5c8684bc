"""The tables of the catalogue in a leads view schema."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Numeric, Table, Text

from services.leads.tables import metadata
from shared.columns import Exact, When, key

products = Table(
    "products",
    metadata,
    key("sku"),
    Column("described", Integer),  # the version that said what it is
    Column("name", Text),
    Column("category", Exact),
    Column("definition", Text),  # JSON
    Column("stood", Integer),
    Column("status", Exact),  # active, retired
    Column("version", Integer, nullable=False),
    Column("touched", When, nullable=False),
)
Index("products_category", products.c.category, products.c.sku)

contents = Table(  # what was in bundles; what is: where the version is that which says what it is
    "contents",
    metadata,
    key("part"),
    key("bundle"),
    key("version", Integer),
    Column("quantity", BigInteger, nullable=False),
)

price_lists = Table(
    "price_lists",
    metadata,
    key("name"),
    Column("version", Integer, nullable=False),
    Column("currency", Exact, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("base", Exact),
    Column("percent", Integer, nullable=False),  # hundredths of a percent
    Column("priced", Integer, nullable=False),  # how many products have a price of its own
    Column("definition", Text, nullable=False),  # JSON
    Column("touched", When, nullable=False),
)

stock = Table(  # the latest count of each place, by the time of the event
    "stock",
    metadata,
    key("sku"),
    key("location"),  # empty: none was named
    Column("stamp", Exact, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("counted", When, nullable=False),
)

together = Table(  # orders in which both were placed; of one with itself: in which it was
    "together",
    metadata,
    key("sku"),
    key("other"),
    key("shard", Integer),  # each of one partition, so that folds do not wait for one another
    Column("orders", BigInteger, nullable=False),
)
