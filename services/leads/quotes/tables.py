"""What a view has of opportunities and quotes; the columns of a row are merged in groups, each by
the version of the stream that wrote it last."""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Table, Text, Uuid

from services.leads.tables import metadata
from shared.columns import Exact, When, key
from shared.deciding.due import due_table

opportunities = Table(
    "opportunities",
    metadata,
    key("lead", Uuid),
    Column("version", Integer, nullable=False),
    Column("organisation", Uuid),
    Column("amount", BigInteger),
    Column("currency", Exact),
    Column("expected_close", Date),
    Column("next_step", Text),
    Column("price_list", Exact),
    Column("list_version", Integer),
    Column("touched", When, nullable=False),
)
Index("opportunities_organisation", opportunities.c.organisation)

opportunity_lines = Table(  # those that there are now have a sku
    "opportunity_lines",
    metadata,
    key("lead", Uuid),
    key("line", Integer),
    Column("version", Integer, nullable=False),
    Column("sku", Exact),
    Column("category", Exact),  # of the product at that time
    Column("quantity", BigInteger),
    Column("amount", BigInteger),  # minor units; null: without prices
    Column("currency", Exact),
)
Index("opportunity_lines_sku", opportunity_lines.c.sku)

opportunity_people = Table(  # those that there are now have a role
    "opportunity_people",
    metadata,
    key("lead", Uuid),
    key("person", Integer),
    Column("version", Integer, nullable=False),
    Column("role", Exact),
    Column("subject", Uuid),
    Column("name", Text),
)
Index("opportunity_people_subject", opportunity_people.c.subject)

quotes = Table(
    "quotes",
    metadata,
    key("quote", Uuid),
    Column("begun", Integer),
    Column("lead", Uuid),
    Column("subject", Uuid),
    Column("number", Exact),
    Column("drafted_at", When),
    Column("written", Integer),  # the version of the quote that stands, and what it comes to
    Column("offer", Integer),
    Column("amount", BigInteger),
    Column("currency", Exact),
    Column("valid_until", Date),
    Column("stood", Integer),
    Column("state", Exact),  # drafted, sent, accepted, ordered, declined, withdrawn, expired
    Column("reason", Text),
    Column("closed_at", When),
    Column("went", Integer),
    Column("sent_offer", Integer),
    Column("sent_at", When),
    Column("sent_by", Exact),  # the channel
    Column("agreed", Integer),
    Column("accepted_at", When),
    Column("told", Integer),
    Column("ordering", Exact),  # pending, refused, placed
    Column("ordered", When),
    Column("order_event", Exact),
    Column("order_position", Exact),
    Column("problem", Text),
    Column("version", Integer, nullable=False),
    Column("touched", When, nullable=False),
)
Index("quotes_lead", quotes.c.lead, quotes.c.drafted_at)
Index("quotes_subject", quotes.c.subject)
Index("quotes_drafted", quotes.c.drafted_at, quotes.c.quote)
Index("quotes_valid", quotes.c.valid_until, quotes.c.quote)
Index("quotes_number", quotes.c.number)
Index(
    "quotes_to_order",
    quotes.c.accepted_at,
    quotes.c.quote,
    postgresql_where=quotes.c.ordering == "pending",
)

due = due_table(metadata, "quotes_awaited")
