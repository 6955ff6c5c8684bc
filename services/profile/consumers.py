"""Which topics the profile reads and what folds them."""

from collections.abc import Callable

from services.profile import tables
from services.profile.inbound import decision, interaction
from services.profile.projections import fold
from shared.database import Connection, in_schema
from shared.log import Topic
from shared.messages import Record
from shared.projection import Event, View

IDENTITY = Topic("identity")
CUSTOMERS = Topic("customers")
OWNED = (IDENTITY, CUSTOMERS)


def view(prefix: str) -> View:
    """The profile's view of a deployment whose topic names begin with `prefix`."""
    return View(
        service="profile",
        version=tables.VERSION,
        topics=("interactions", IDENTITY.name),
        metadata=tables.metadata,
        decode=_reader(f"{prefix}{IDENTITY.name}."),
        fold=fold,
        settled=settled,
    )


def _reader(identity: str) -> Callable[[Record], Event]:
    def decode(record: Record) -> Event:
        if record.place.topic.startswith(identity):
            return decision(record)
        return interaction(record)

    return decode


async def settled(connection: Connection, schema: str) -> bool:
    """Whether the resolver has nothing left to do."""
    sql = in_schema("SELECT NOT EXISTS (SELECT FROM {s}.pending)", schema)
    return bool(await connection.fetchval(sql))
