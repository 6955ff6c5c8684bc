"""The tables of prospects: columns are merged in groups, by the version that wrote them last."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, Uuid, text

from services.leads.tables import metadata
from shared.columns import Exact, When, key
from shared.deciding.due import due_table

prospects = Table(
    "prospects",
    metadata,
    key("prospect", Uuid),
    Column("begun", Integer),
    Column("subject", Uuid),
    Column("kept_by", Integer),  # where it came from; nulls of one that was barred before
    Column("source", Exact),
    Column("kept", When),
    Column("stood", Integer),
    Column("state", Exact),  # waiting, barred, promoted, dropped
    Column("reason", Text),  # why it was barred or dropped
    Column("led", Integer),
    Column("lead", Uuid),  # that it was promoted into last
    Column("named", Integer),
    Column("name", Text),
    Column("affiliated", Integer),
    Column("organisation", Text),
    Column("planned", Integer),
    Column("come_back", When),
    Column("due", When),  # when that moment came
    Column("version", Integer, nullable=False),
    Column("touched", When, nullable=False),  # the time of its latest event
)
Index("prospects_subject", prospects.c.subject)
Index("prospects_touched", prospects.c.touched, prospects.c.prospect)
Index(
    *("prospects_come_back", prospects.c.come_back, prospects.c.prospect),
    postgresql_where=text("come_back IS NOT NULL"),
)

fields = Table(  # of one's own
    "prospect_fields",
    metadata,
    key("prospect", Uuid),
    key("name"),
    Column("version", Integer, nullable=False),
    Column("value", Text),  # JSON; null: taken away
)

listed = Table(  # who stands on which list
    "prospect_lists",
    metadata,
    key("list"),
    key("prospect", Uuid),
    Column("version", Integer, nullable=False),
    Column("there", Boolean, nullable=False),
)
Index("prospect_lists_prospect", listed.c.prospect)

lists = Table(
    "target_lists",
    metadata,
    key("name"),
    Column("defined", Integer),
    Column("purpose", Text),
    Column("filters", Text),  # JSON
    Column("since", When),
    Column("filled", Integer),
    Column("cursor", Text),
    Column("seen", BigInteger, nullable=False),  # summed over the steps
    Column("kept", BigInteger, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("closed", When),
    Column("version", Integer, nullable=False),
)

due = due_table(metadata, "prospect_due")
