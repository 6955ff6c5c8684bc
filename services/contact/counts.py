"""Numbers of contact that operators watch."""

from collections.abc import Mapping

import asyncpg

from shared.database import Pool, in_schema


async def counts(pool: Pool, schema: str) -> Mapping[str, int]:
    """`quarantined`: what was refused at the door and is neither driven nor discarded."""
    try:
        found = await pool.fetchval(in_schema(_OPEN, schema))
    except asyncpg.UndefinedColumnError:
        return {}  # a schema of an earlier version, which serves until that of ours has caught up
    return {"quarantined": int(found)}


_OPEN = "SELECT count(*) FROM {s}.quarantine WHERE state IS NULL"
