"""What a view has of accounts: who belongs to which organisation, as the log says."""

from sqlalchemy import Boolean, Column, Index, Table, Text, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key

memberships = Table(  # the latest that was said of a person in an organisation
    "account_members",
    metadata,
    key("account", Uuid),
    key("person", Uuid),  # the subject
    Column("stamp", Exact, nullable=False),
    Column("role", Text, nullable=False),
    Column("member", Boolean, nullable=False),
    Column("organisation", Text),  # as it was called then
    Column("at", When, nullable=False),
)
Index("account_members_person", memberships.c.person)
