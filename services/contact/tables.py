"""The tables of a contact view schema: the history, the quarantine, who belongs to whom."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)

from shared.columns import Exact, When, key

VERSION = 2
"""Goes up when any row would come out differently."""

metadata = MetaData()


interactions = Table(
    "interactions",
    metadata,
    key(
        "subject", Uuid
    ),  # the partition key: the strongest identifier, or a hash where there is none
    key("event", Uuid),
    Column("time", When, nullable=False),  # min(time, recordedtime)
    Column("type", Exact, nullable=False),
    Column("channel", Exact, nullable=False),
    Column("direction", Exact, nullable=False),
    Column("position", Exact, nullable=False),
    Column("record", Text, nullable=False),  # the CloudEvent, as it stands in the log
    Column("words", Text, nullable=False),  # that it is found by; none: ''
)
Index("interactions_event", interactions.c.event)
Index(  # `simple` stems nothing and knows no stop words: customers write in every language
    "interactions_words",
    text("to_tsvector('simple', words)"),
    postgresql_using="gin",
    postgresql_where=interactions.c.words != "",
    _table=interactions,
)
Index("interactions_type", interactions.c.type, interactions.c.time)

daily = Table(  # summed; one row per partition, so that partitions never wait for each other
    "daily",
    metadata,
    key("partition", Integer),
    key("day", Date),
    key("channel"),
    key("type"),
    Column("n", BigInteger, nullable=False),
)
Index("daily_day", daily.c.day)

quarantine = Table(  # a refused item, and what became of it: all columns are exact merges
    "quarantine",
    metadata,
    key("id", Uuid),
    Column("stamp", Exact),  # of the first copy: by it the item as it was refused
    Column("received", When),
    Column("key", Exact),
    Column("actor", Exact),
    Column("path", Exact),
    Column("source", Exact),  # that the item names, or the key's
    Column("type", Exact),  # that the item names, or ''
    Column("content_type", Exact),
    Column("size", BigInteger),
    Column("sent", Text),  # JSON: headers, what stood around it, who was vouched for
    Column("position", Exact),
    Column("bytes", Exact),  # base64 of exactly what came; '' once it is closed
    Column("reasoned", Exact),  # the stamp of the latest reasons
    Column("code", Exact),  # of the first of them
    Column("reasons", Text),  # JSON
    Column("closing", Exact),  # the stamp of what closed it; driven goes before discarded
    Column("state", Exact),  # driven or discarded; null: open
    Column("closed", When),
    Column("closed_by", Exact),
    Column("outcome", Text),  # JSON: the events that it became, or why it was given up
)
Index("quarantine_received", quarantine.c.received, quarantine.c.id)
Index(
    "quarantine_open",
    quarantine.c.key,
    quarantine.c.received,
    quarantine.c.id,
    postgresql_include=["size"],
    postgresql_where=quarantine.c.state.is_(None),
)

belonging = Table(  # the highest revision; a subject without a row belongs to itself
    "belonging",
    metadata,
    key("subject", Uuid),
    Column("customer", Uuid, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
Index("belonging_customer", belonging.c.customer)
