"""A worker on the toy view in a process of its own, to be killed: DATABASE KAFKA PREFIX."""

import asyncio
import sys

from shared.database import connect
from shared.log import Log
from tests.shared import toy


async def main(database: str, kafka: str, prefix: str) -> None:
    """Work until killed."""
    pool = await connect(database)
    log = await Log.connect(kafka)
    await toy.worker(pool, log, prefix, "z").run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
