"""The toy's topic copied by a process that dies on the way: POINT PREFIX KAFKA DATABASE ..."""

import asyncio
import sys

from shared import failpoints
from shared.database import connect
from shared.log import Log
from shared.members import Member
from tests.shared.growing import TOPIC, grow


async def main(point: str, prefix: str, kafka: str, *databases: str) -> None:
    """Copy, with every database a service's that knows the topic; the first one owns it."""
    failpoints.arm(f"{point}=exit", 0.0, allowed=True)
    log = await Log.connect(kafka)
    pools = [await connect(database, size=2) for database in databases]
    owned = [(TOPIC,), *[()] * len(pools)]
    deployment = [Member(f"toy {n}", pool, owned[n]) for n, pool in enumerate(pools)]
    await grow(log, deployment, prefix)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
