"""Policies and relay in a process of its own, to be killed: DATABASE KAFKA PREFIX FAILPOINTS."""

import asyncio
import sys

from shared.database import connect
from shared.failpoints import arm
from shared.log import Log
from tests.deciding.deciders import crew


async def main(database: str, kafka: str, prefix: str, points: str) -> None:
    """Decide and relay until killed."""
    arm(points, 0.0, allowed=True)
    pool = await connect(database)
    await crew(pool, await Log.connect(kafka), prefix).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
