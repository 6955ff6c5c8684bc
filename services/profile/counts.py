"""Numbers of the profile that operators watch."""

from collections.abc import Mapping

from shared.database import Pool, in_schema


async def counts(pool: Pool, schema: str) -> Mapping[str, int]:
    """`pending`: rows that the resolver has not worked off; `told_unsent`: belongings not sent."""
    rows = await pool.fetch(in_schema(_COUNTS, schema))
    return {"pending": rows[0]["pending"], "told_unsent": rows[0]["told_unsent"]}


_COUNTS = """
SELECT (SELECT count(*) FROM {s}.pending) AS pending,
       (SELECT count(*) FROM told WHERE NOT sent) AS told_unsent
"""
