"""Which topics the profile reads and what folds them."""

from collections.abc import Callable

from services.profile import resolver, tables
from services.profile.inbound import decision, interaction, lead
from services.profile.projections import PROJECTION
from services.profile.proof import PROOF
from shared.database import Connection, in_schema
from shared.leases import Single
from shared.log import Topic
from shared.messages import Record
from shared.projection import Event, Offsets, View

IDENTITY = Topic("identity")
CUSTOMERS = Topic("customers")
LEADS = "leads"
"""The topic of the service leads, of which the profile shows what is open and what was won."""
OWNED = (IDENTITY, CUSTOMERS)

NEARLY = 10_000
"""Rows that may wait for their turn in the list when a view is taken into service."""


def view(prefix: str) -> View:
    """The profile's view of a deployment whose topic names begin with `prefix`."""
    return View(
        service="profile",
        version=tables.VERSION,
        topics=("interactions", IDENTITY.name, LEADS),
        metadata=tables.metadata,
        decode=_reader(prefix),
        projection=PROJECTION,
        fold=PROJECTION.fold,
        settled=settled,
        left=left,
        proof=PROOF,
        singles=(Single("resolver", resolver.run),),
    )


def _reader(prefix: str) -> Callable[[Record], Event]:
    identity, leads = f"{prefix}{IDENTITY.name}.", f"{prefix}{LEADS}."

    def decode(record: Record) -> Event:
        if record.place.topic.startswith(identity):
            return decision(record)
        if record.place.topic.startswith(leads):
            return lead(record)
        return interaction(record)

    return decode


async def settled(connection: Connection, schema: str, before: Offsets) -> bool:
    """Whether all belonging is worked out, and the list nearly, that came before these offsets.

    Under load `pending` is hardly ever empty, and the rows of large customers rest in it.
    """
    places = [(topic, partition, offset) for (topic, partition), offset in before.items()]
    columns = list(zip(*places, strict=True)) or [(), (), ()]
    return bool(await connection.fetchval(in_schema(_SETTLED, schema), NEARLY, *columns))


async def left(connection: Connection, schema: str) -> int:
    """Rows of `pending`."""
    return int(await connection.fetchval(in_schema("SELECT count(*) FROM {s}.pending", schema)))


_SETTLED = """
WITH due AS NOT MATERIALIZED (
    SELECT p.kind FROM {s}.pending p
    JOIN unnest($2::text[], $3::integer[], $4::bigint[]) b (topic, partition, next_offset)
    ON p.topic = b.topic AND p.partition = b.partition AND p.next_offset <= b.next_offset
)
SELECT NOT EXISTS (SELECT FROM due WHERE kind IN ('pair', 'key'))
   AND (SELECT count(*) FROM (SELECT FROM due LIMIT $1 + 1) few) <= $1
"""
