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
)

from shared.columns import Exact, When, key

VERSION = 1
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
)
Index("interactions_event", interactions.c.event)
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

quarantine = Table(
    "quarantine",
    metadata,
    key("id", Uuid),
    Column("received", When, nullable=False),
    Column("key", Exact, nullable=False),
    Column("code", Exact, nullable=False),  # of the first reason
    Column("reasons", Text, nullable=False),  # JSON
    Column("content_type", Exact, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("bytes", Text, nullable=False),  # base64 of exactly what came
    Column("position", Exact, nullable=False),
)
Index("quarantine_received", quarantine.c.received, quarantine.c.id)

belonging = Table(  # the highest revision; a subject without a row belongs to itself
    "belonging",
    metadata,
    key("subject", Uuid),
    Column("customer", Uuid, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
Index("belonging_customer", belonging.c.customer)
