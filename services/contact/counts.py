"""Numbers of contact that operators watch."""

from collections.abc import Mapping

from shared.database import Pool, in_schema


async def counts(pool: Pool, schema: str) -> Mapping[str, int]:
    """`quarantined`: events that were refused at the door and are kept."""
    found = await pool.fetchval(in_schema("SELECT count(*) FROM {s}.quarantine", schema))
    return {"quarantined": int(found)}
