"""The reminders of leads in a process of its own, to be killed: DATABASE SCHEMA EPOCH POINTS."""

import asyncio
import sys

from services.leads.follow_ups.reminding import REMINDING
from shared.database import connect
from shared.failpoints import arm
from shared.leases import Lease


async def main(database: str, schema: str, epoch: str, points: str) -> None:
    """Remind until killed."""
    arm(points, 0.0, allowed=True)
    pool = await connect(database)
    await REMINDING.run(pool, Lease(schema, REMINDING.name, "a", int(epoch)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
