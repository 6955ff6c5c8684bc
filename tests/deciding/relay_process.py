"""A relay in a process of its own, to be killed: DATABASE KAFKA PREFIX EPOCH FAILPOINTS [OWNER]."""

import asyncio
import sys

from shared.database import connect
from shared.deciding.relay import relay
from shared.failpoints import arm
from shared.leases import Lease
from shared.log import Log
from tests.deciding import toy
from tests.shared.toy import PARTITIONS


async def main(
    database: str, kafka: str, prefix: str, epoch: str, points: str, owner: str = "a"
) -> None:
    """Relay until killed."""
    arm(points, 0.0, allowed=True)
    pool = await connect(database)
    log = await Log.connect(kafka)
    run = relay(log, f"{prefix}{toy.VISITS}.1", PARTITIONS)
    await run(pool, Lease("toy", "relay", owner, int(epoch)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
