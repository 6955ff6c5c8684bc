"""What a view has of following up; the columns of a row are merged in groups, by the version of
the stream that wrote them last."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key
from shared.deciding.due import due_table

steps = Table(
    "steps",
    metadata,
    key("follow_up", Uuid),  # the stream
    key("step", Integer),
    Column("begun", Integer),  # what it is
    Column("lead", Uuid),
    Column("pipeline", Exact),
    Column("sequence", Exact),
    Column("sequence_version", Integer),
    Column("id", Exact),
    Column("title", Text),
    Column("kind", Exact),
    Column("guide", Text),
    Column("since", When),
    Column("timed", Integer),
    Column("due", When),
    Column("overdue", When),
    Column("stood", Integer),
    Column("state", Exact),  # pending, due, overdue, done, skipped, cancelled
    Column("settled", When),
    Column("by", Exact),
    Column("interaction", Uuid),
    Column("type", Exact),
    Column("reason", Text),
    Column("postponed", BigInteger, nullable=False),  # times
    Column("touched", When, nullable=False),  # the time of its latest event
)
Index("steps_lead", steps.c.lead)
Index("steps_due", steps.c.state, steps.c.due, steps.c.follow_up, steps.c.step)

appointments = Table(
    "appointments",
    metadata,
    key("appointment", Uuid),
    Column("begun", Integer),
    Column("lead", Uuid),
    Column("follow_up", Uuid),
    Column("pipeline", Exact),
    Column("made", When),
    Column("timed", Integer),
    Column("title", Text),
    Column("since", When),
    Column("until", When),
    Column("place", Text),
    Column("stood", Integer),
    Column("state", Exact),  # booked, kept, cancelled
    Column("reason", Text),
    Column("moved", BigInteger, nullable=False),  # times
    Column("touched", When, nullable=False),
)
Index("appointments_lead", appointments.c.lead)
Index("appointments_since", appointments.c.since, appointments.c.appointment)

tactics_used = Table(
    "tactics_used",
    metadata,
    key("follow_up", Uuid),
    key("version", Integer),
    Column("tactic", Exact, nullable=False),
    Column("tactic_version", Integer, nullable=False),
    Column("lead", Uuid, nullable=False),
    Column("pipeline", Exact, nullable=False),
    Column("stage", Exact, nullable=False),
    Column("objection", Exact),
    Column("at", When, nullable=False),
    Column("by", Exact, nullable=False),
)
Index("tactics_used_tactic", tactics_used.c.tactic, tactics_used.c.lead)

due = due_table(metadata, "steps_awaited")
