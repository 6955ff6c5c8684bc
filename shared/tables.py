"""The tables that the runtime keeps in every view schema, beside the view's own."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)

runtime = MetaData()
Table(
    "checkpoints",
    runtime,
    Column("topic", Text(collation="C"), primary_key=True),  # without prefix and generation
    Column("generation", Integer, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False, server_default=text("0")),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("folded", BigInteger, nullable=False, server_default=text("0")),  # parked ones included
)

parked = Table(
    "parked",
    runtime,
    Column("partition", Integer, primary_key=True),
    Column("topic", Text(collation="C"), primary_key=True),  # as Kafka knows it
    Column("record", BigInteger, primary_key=True),  # the offset
    Column("subject", Uuid, nullable=False),
    Column("event", Uuid, nullable=False),
    Column("reason", Text, nullable=False),  # undecodable, failed
    Column("error", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("key", LargeBinary),
    Column("bytes", LargeBinary, nullable=False),
    Column("ordinal", BigInteger, nullable=False),  # how many the partition had folded
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("tried", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("parked_event", parked.c.subject, parked.c.event)

Table(
    "failures",
    runtime,
    Column("partition", Integer, primary_key=True),
    Column("streak", ARRAY(Uuid), nullable=False),  # different subjects parked in a row
    Column("recent", ARRAY(BigInteger), nullable=False),  # ordinals of the latest parked events
    Column("halted", Text),  # why nothing more is folded here
)
