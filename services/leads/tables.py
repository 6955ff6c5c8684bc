"""The tables of a leads view schema; each can be dropped and rebuilt.

Columns of a lead are merged in groups, each by the version of the stream that wrote it last.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)

from shared.columns import Exact, When, key

VERSION = 5
"""Goes up when any row would come out differently."""

metadata = MetaData()

decided = Table(  # every event of our own streams: the history
    "decided",
    metadata,
    key("subject", Uuid),  # the partition key
    key("event", Uuid),
    Column("stream", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),  # in the order of all that was decided
    Column("type", Exact, nullable=False),
    Column("time", When, nullable=False),
    Column("actor", Exact, nullable=False),
    Column("position", Exact, nullable=False),
    Column("record", Text, nullable=False),  # the CloudEvent, as it stands in the log
)
Index("decided_stream", decided.c.stream, decided.c.sequence)
Index(  # those that measures count, or commissions begin with
    *("decided_counted", decided.c.type, decided.c.time),
    postgresql_where=text(
        "type IN ('quote.sent', 'step.became_overdue', 'lead.won', 'lead.reopened')"
    ),
)

activity = Table(  # interactions, as far as scores ask for them
    "activity",
    metadata,
    key("subject", Uuid),
    key("event", Uuid),
    Column("time", When, nullable=False),  # min(time, recordedtime)
    Column("recorded", When, nullable=False),
    Column("type", Exact, nullable=False),
    Column("channel", Exact, nullable=False),
    Column("purpose", Exact),
    Column("product", Exact),
    Column("position", Exact, nullable=False),
)

traits = Table(  # of subjects, all that ever were: a score as of a moment is by those of then
    "traits",
    metadata,
    key("subject", Uuid),
    key("name"),
    key("stamp"),
    Column("value", Text),  # JSON; null: taken away
)

leads = Table(
    "leads",
    metadata,
    key("lead", Uuid),
    Column("begun", Integer),  # who and where from
    Column("pipeline", Exact),
    Column("subject", Uuid),
    Column("source", Exact),
    Column("channel", Exact),
    Column("captured", When),
    Column("stood", Integer),
    Column("state", Exact),  # open, won, lost, merged
    Column("placed", Integer),  # where it stands, or stood when it was closed
    Column("stage", Exact),
    Column("since", When),
    Column("closed", Integer),  # how it ended; nulls once it is open again
    Column("closed_at", When),
    Column("won_amount", BigInteger),  # minor units
    Column("won_currency", Exact),
    Column("reason", Exact),
    Column("competitor", Exact),
    Column("merged_into", Uuid),
    Column("titled", Integer),
    Column("title", Text),
    Column("chosen", Integer),
    Column("product", Exact),
    Column("priced", Integer),
    Column("amount", BigInteger),  # minor units
    Column("currency", Exact),
    Column("expected", Integer),
    Column("expected_close", Date),
    Column("owned", Integer),
    Column("owner", Exact),
    Column("rule", Exact),  # of routing, by which it has its owner
    Column("reached", Integer),  # the most points that a rule asks for and it came to
    Column("warmed", Integer),
    Column("heated", When),  # when it was hot last
    Column("judged", Integer),
    Column("prequalified", Boolean),
    Column("inquiries", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("touched", When, nullable=False),  # the time of its latest event
)
Index(  # a column of a board in its order
    *("leads_board", leads.c.pipeline, leads.c.stage, leads.c.touched, leads.c.lead),
    postgresql_where=text("state = 'open'"),
)
Index("leads_subject", leads.c.subject)
Index("leads_owner", leads.c.owner, leads.c.state)
Index(  # those that partners gave
    *("leads_given", leads.c.source), postgresql_where=text("source LIKE 'partner:%'")
)
Index("leads_touched", leads.c.touched, leads.c.lead)
Index("leads_captured", leads.c.captured, leads.c.lead)
Index("leads_closed", leads.c.closed_at)

tallies = Table(  # open leads by stage: what a board shows; follows from `leads`
    "tallies",
    metadata,
    key("pipeline"),
    key("stage"),
    key("currency"),  # empty: without an amount
    key("shard", Integer),  # each of one partition, so that folds do not wait for one another
    Column("leads", BigInteger, nullable=False),
    Column("amount", Numeric, nullable=False),  # minor units
)

stays = Table(  # the stages that a lead went through: one ends where the next row begins
    "stays",
    metadata,
    key("lead", Uuid),
    key("version", Integer),
    Column("kind", Exact, nullable=False),  # entered, ended, resumed: in the stage before it ended
    Column("stage", Exact),  # of one that was entered
    Column("at", When, nullable=False),
)

fields = Table(  # of one's own
    "fields",
    metadata,
    key("lead", Uuid),
    key("name"),
    Column("version", Integer, nullable=False),
    Column("value", Text),  # JSON; null: taken away
)

pipelines = Table(
    "pipelines",
    metadata,
    key("name"),
    Column("revision", Integer),
    Column("definition", Text),  # JSON
    Column("retired", When),
    Column("version", Integer, nullable=False),
)

scorings = Table(  # all that ever were: a score as of a moment is by the rules of then
    "scorings",
    metadata,
    key("version", Integer),
    Column("epoch", When, nullable=False),
    Column("rules", Text, nullable=False),  # JSON
)

belonging = Table(  # the highest revision; a subject without a row belongs to itself
    "belonging",
    metadata,
    key("subject", Uuid),
    Column("customer", Uuid, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
Index("belonging_customer", belonging.c.customer)

belonged = Table(  # every revision: a score as of a moment is by the belonging of then
    "belonged",
    metadata,
    key("subject", Uuid),
    key("revision", BigInteger),
    Column("told", When, nullable=False),  # first; one that was told again is the same
    Column("customer", Uuid, nullable=False),
)
Index("belonged_customer", belonged.c.customer)

pending = Table(  # whose score is to be looked at: append-only, no key, deleted row by row
    "pending",
    metadata,
    Column("subject", Uuid, nullable=False),  # or the stream of the rules: everybody's
    Column("interested", Boolean, nullable=False),  # whether a product was looked at
)

reached = Table(  # how far our own events are folded
    "reached",
    metadata,
    key("partition", Integer),
    Column("sequence", BigInteger, nullable=False),
)
