"""A timer in a process of its own, to be killed: DATABASE SCHEMA EPOCH FAILPOINTS."""

import asyncio
import sys

from shared.database import connect
from shared.deciding.timers import timer
from shared.failpoints import arm
from shared.leases import Lease
from tests.deciding import toy
from tests.deciding.ringing import BELL


async def main(database: str, schema: str, epoch: str, points: str) -> None:
    """Ring until killed."""
    arm(points, 0.0, allowed=True)
    pool = await connect(database)
    await timer(toy.SOURCE, BELL).run(pool, Lease(schema, "bell", "a", int(epoch)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
