"""The tables of a profile view schema: stage one, which folds write; stage two, the resolver's.

Stamps are text as `shared.messages.Envelope.stamp` builds it, compared byte by byte (COLLATE "C").
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from shared.columns import Exact, When, key

VERSION = 4
"""Goes up when any row would come out differently."""

metadata = MetaData()


# Stage one: from records alone; every column is an exact merge in any order.

events = Table(
    "events",
    metadata,
    key(
        "subject", Uuid
    ),  # the partition key: the strongest identifier, or a hash where there is none
    key("event", Uuid),
    Column("time", When, nullable=False),  # min(time, recordedtime)
    Column("recorded", When, nullable=False),
    Column("type", Exact, nullable=False),
    Column("channel", Exact, nullable=False),
    Column("direction", Exact, nullable=False),
    Column("source", Exact, nullable=False),
    Column("id", Exact, nullable=False),
    Column("key", Exact, nullable=False),  # that let it in
    Column("position", Exact, nullable=False),
    Column("data", Text, nullable=False),  # JSON, as it stands in the record
)

decided = Table(  # every decision event; which of them stands is in `decisions`
    "decided",
    metadata,
    key("subject", Uuid),
    key("event", Uuid),
    Column("time", When, nullable=False),  # min(time, recordedtime)
    Column("recorded", When, nullable=False),
    Column("type", Exact, nullable=False),
    Column("source", Exact, nullable=False),
    Column("id", Exact, nullable=False),
    Column("key", Exact, nullable=False),
    Column("actor", Exact, nullable=False),
    Column("position", Exact, nullable=False),
    Column("data", Text, nullable=False),  # JSON, as it stands in the record
)

lead_events = Table(  # what happened to the leads of a subject, from the topic `leads`
    "lead_events",
    metadata,
    key("subject", Uuid),
    key("event", Uuid),
    Column("stream", Uuid, nullable=False),  # the lead
    Column("streamversion", Integer, nullable=False),
    Column("time", When, nullable=False),  # min(time, recordedtime)
    Column("recorded", When, nullable=False),
    Column("type", Exact, nullable=False),
    Column("source", Exact, nullable=False),
    Column("id", Exact, nullable=False),
    Column("key", Exact, nullable=False),
    Column("actor", Exact, nullable=False),
    Column("position", Exact, nullable=False),
    Column("data", Text, nullable=False),  # JSON, as it stands in the record
)

identifiers = Table(
    "identifiers",
    metadata,
    key("subject", Uuid),
    Column("kind", Exact, nullable=False),
    Column("namespace", Exact, nullable=False),
    Column("value", Exact, nullable=False),
)

counts = Table(  # summed, least, greatest
    "counts",
    metadata,
    key("subject", Uuid),
    key("channel"),
    key("type"),
    Column("n", BigInteger, nullable=False),
    Column("first", When, nullable=False),
    Column("last", When, nullable=False),
)

traits = Table(  # latest by stamp
    "traits",
    metadata,
    key("subject", Uuid),
    key("name"),
    Column("value", Text, nullable=False),  # JSON; `null` takes the trait away
    Column("stamp", Exact, nullable=False),
    Column("event", Uuid, nullable=False),
    Column("position", Exact, nullable=False),
)

satisfaction = Table(  # summed
    "satisfaction",
    metadata,
    key("subject", Uuid),
    Column("csat_n", BigInteger, nullable=False),
    Column("csat_sum", BigInteger, nullable=False),
    Column("nps_n", BigInteger, nullable=False),
    Column("nps_promoters", BigInteger, nullable=False),
    Column("nps_detractors", BigInteger, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    key("namespace"),
    key("number"),
    Column("subject", Uuid),  # of the earliest event that has an identifier
    Column("attached", Exact),  # its stamp
    Column("amount", Numeric),  # minor units; latest order.placed
    Column("currency", Exact),
    Column("lines", Text),  # JSON
    Column("placed", Exact),  # stamp of the latest order.placed
    Column("ordered", When),  # time of the earliest order.placed
    Column(
        "cancelled", Exact
    ),  # stamp of the latest order.cancelled; stands if greater than `placed`
    Column("status", Exact, nullable=False),  # latest event's: placed, paid, shipped, ...
    Column("status_stamp", Exact, nullable=False),
    Column("returns", BigInteger, nullable=False),  # summed
    Column("returned", Numeric, nullable=False),  # summed, minor units
)
Index("orders_subject", orders.c.subject)

subscriptions = Table(
    "subscriptions",
    metadata,
    key("namespace"),
    key("number"),
    Column("subject", Uuid),
    Column("attached", Exact),
    Column("term", Exact),  # term, amount, currency: latest event that carried terms
    Column("amount", Numeric),
    Column("currency", Exact),
    Column("terms_stamp", Exact),
    Column("status", Exact, nullable=False),  # started, renewed, cancelled, due
    Column("status_stamp", Exact, nullable=False),
    Column("started", When),
    Column("renewals", BigInteger, nullable=False),
)
Index("subscriptions_subject", subscriptions.c.subject)

products = Table(
    "products",
    metadata,
    key("namespace"),
    key("number"),  # serial number
    Column("subject", Uuid),
    Column("attached", Exact),
    Column("sku", Exact),
    Column("name", Exact),
    Column("registered", When, nullable=False),
    Column("stamp", Exact, nullable=False),
)
Index("products_subject", products.c.subject)

leads = Table(  # each group by the latest version of the lead that says something of it
    "leads",
    metadata,
    key("lead", Uuid),
    Column("begun", Integer),
    Column("subject", Uuid),
    Column("pipeline", Exact),
    Column("captured", When),
    Column("stood", Integer),
    Column("state", Exact),  # open, won, lost, merged
    Column("won_amount", BigInteger),  # minor units
    Column("won_currency", Exact),
    Column("placed", Integer),
    Column("stage", Exact),
    Column("titled", Integer),
    Column("title", Text),
    Column("priced", Integer),
    Column("amount", BigInteger),  # minor units
    Column("currency", Exact),
    Column("expected", Integer),
    Column("expected_close", Exact),
    Column("owned", Integer),
    Column("owner", Exact),
)
Index("leads_subject", leads.c.subject)

mentions = Table(  # which events say something of a thing or an address: never merged
    "mentions",
    metadata,
    key("kind"),  # order, subscription, product, consent, organisation
    key("namespace"),  # of a consent: its channel
    key("number"),  # of a consent: its address
    key("subject", Uuid),  # of the event
    key("event", Uuid),
)

consents = Table(  # latest by stamp; a withdrawal wins where the times are equal
    "consents",
    metadata,
    key("channel"),
    key("address"),
    key("purpose"),
    Column("subject", Uuid),  # of the address, where an address of that channel identifies
    Column("granted", Boolean, nullable=False),
    Column("choices", Text),  # JSON: chosen topics and times
    Column("stamp", Exact, nullable=False),
    Column("event", Uuid, nullable=False),
    Column("position", Exact, nullable=False),
)
Index("consents_subject", consents.c.subject)

organisations = Table(  # latest name by stamp
    "organisations",
    metadata,
    key("namespace"),
    key("number"),
    Column("name", Exact),
    Column("stamp", Exact, nullable=False),
)

memberships = Table(  # latest by stamp
    "memberships",
    metadata,
    key("namespace"),
    key("number"),
    key("subject", Uuid),
    Column("role", Exact, nullable=False),
    Column("member", Boolean, nullable=False),
    Column("stamp", Exact, nullable=False),
    Column("event", Uuid, nullable=False),
)
Index("memberships_subject", memberships.c.subject)

pairs = Table(  # seen together, once per key that let it in; earliest by recorded stamp
    "pairs",
    metadata,
    key("weaker", Uuid),
    key("stronger", Uuid),
    key("key"),
    Column(
        "weaker_rank", SmallInteger, nullable=False
    ),  # shared.identifiers.RANK; equal ranks: a hint only
    Column("stronger_rank", SmallInteger, nullable=False),
    Column("stamp", Exact, nullable=False),
    Column("event_subject", Uuid, nullable=False),
    Column("event", Uuid, nullable=False),
    Column("position", Exact, nullable=False),
)
Index("pairs_stronger", pairs.c.stronger)

decisions = Table(  # what people said of two identifiers; latest by stamp
    "decisions",
    metadata,
    key("weaker", Uuid),
    key("stronger", Uuid),
    Column("weaker_rank", SmallInteger, nullable=False),
    Column("stronger_rank", SmallInteger, nullable=False),
    Column("verb", Exact, nullable=False),  # together, apart, observed
    Column("stamp", Exact, nullable=False),
    Column("actor", Exact, nullable=False),
    Column("reason", Exact, nullable=False),
    Column("event_subject", Uuid, nullable=False),
    Column("event", Uuid, nullable=False),
    Column("position", Exact, nullable=False),
)
Index("decisions_stronger", decisions.c.stronger)

disowned = Table(  # keys whose pairs do not count; earliest by stamp
    "disowned",
    metadata,
    key("key"),
    Column("stamp", Exact, nullable=False),
    Column("actor", Exact, nullable=False),
    Column("reason", Exact, nullable=False),
    Column("event_subject", Uuid, nullable=False),
    Column("event", Uuid, nullable=False),
    Column("position", Exact, nullable=False),
)

pending = Table(  # what changed and is not resolved yet: append-only, no key, deleted row by row
    "pending",
    metadata,
    Column("kind", Exact, nullable=False),  # facts (key = subject), pair (key = weaker), order, key
    Column("key", Uuid),
    Column("namespace", Exact),  # of an order; of a key that was disowned its name
    Column("number", Exact),
    Column("topic", Exact, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
)

# Stage two: a pure function of stage one, kept up by the resolver alone.

owners = Table(
    "owners",
    metadata,
    key("subject", Uuid),
    Column("rank", SmallInteger, primary_key=True),  # of the owner's kind
    Column("owner", Uuid, nullable=False),
    Column("direct", Boolean, nullable=False),
    Column("stamp", Exact, nullable=False),
)

derived = Table(  # two owners of one identifier, seen together through it
    "derived",
    metadata,
    key("weaker", Uuid),
    key("stronger", Uuid),
    key("through", Uuid),
    Column("weaker_rank", SmallInteger, nullable=False),
    Column("stronger_rank", SmallInteger, nullable=False),
    Column("stamp", Exact, nullable=False),
)
Index("derived_through", derived.c.through)

identities = Table(  # identifiers that were worked, own or were decided on; without a row: itself
    "identities",
    metadata,
    key("subject", Uuid),
    Column("rank", SmallInteger, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("parent", Uuid),  # owner of the strongest kind
    Column("root", Uuid, nullable=False),
    Column("customer", Uuid, nullable=False),
)
Index("identities_parent", identities.c.parent)
Index("identities_root", identities.c.root)
Index("identities_customer", identities.c.customer)

joins = Table(  # the decisions *together* that stand, with the present roots of both ends
    "joins",
    metadata,
    key("weaker", Uuid),
    key("stronger", Uuid),
    Column("weaker_root", Uuid, nullable=False),
    Column("stronger_root", Uuid, nullable=False),
)
Index("joins_weaker_root", joins.c.weaker_root)
Index("joins_stronger_root", joins.c.stronger_root)

counted = Table(  # under whom an order was counted last
    "counted",
    metadata,
    key("namespace"),
    key("number"),
    Column("subject", Uuid, nullable=False),
)

customers = Table(  # the list: recomputed whole from the subjects, never incremented
    "customers",
    metadata,
    key("customer", Uuid),
    Column("subjects", Integer, nullable=False),
    Column("first_seen", When, nullable=False),
    Column("last_seen", When, nullable=False),
    Column("interactions", BigInteger, nullable=False),
    Column("orders", BigInteger, nullable=False),
    Column("currency", Exact),  # the one with most orders, then the first by name
    Column("revenue", Numeric, nullable=False),  # minor units, in `currency`
    Column("revenues", Text, nullable=False),  # JSON: minor units by currency
    Column("last_order", When),
    Column("name", Text),
)
Index("customers_last_seen", customers.c.last_seen, customers.c.customer)
Index("customers_revenue", customers.c.revenue, customers.c.customer)

changed = Table(  # subjects whose customer changed, for who tells the others; append-only
    "changed",
    metadata,
    Column("subject", Uuid, nullable=False),
)
