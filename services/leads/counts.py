"""Numbers of leads that operators watch."""

from collections.abc import Mapping

from shared.database import Pool
from shared.deciding.relay import unrelayed


async def counts(pool: Pool, schema: str) -> Mapping[str, int]:
    """`unrelayed`: decided events that are not in the log yet."""
    return {"unrelayed": await unrelayed(pool)}
