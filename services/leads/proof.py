"""How a view of leads is proven: every table is compared row by row."""

from shared.comparing import Proof, Row, Side
from shared.database import in_schema

SHOWN = 5
"""Events behind a row that are shown, the latest."""


async def behind(side: Side, table: str, row: Row) -> list[Row]:
    """The latest events that made a row."""
    if "lead" in row:
        rows = await side.connection.fetch(in_schema(_OF_STREAM, side.schema), row["lead"])
    elif "subject" in row:
        rows = await side.connection.fetch(in_schema(_OF_SUBJECT, side.schema), row["subject"])
    else:
        return []
    return [dict(found) for found in rows]


PROOF = Proof(by_subject=frozenset({"decided", "activity", "traits", "belonging"}), behind=behind)

_OF_STREAM = f"""
SELECT position, type, to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
FROM {{s}}.decided WHERE stream = $1 ORDER BY version DESC LIMIT {SHOWN}
"""

_OF_SUBJECT = f"""
SELECT position, type, to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
FROM (
    SELECT position, type, time FROM {{s}}.activity WHERE subject = $1
    UNION ALL
    SELECT position, type, time FROM {{s}}.decided WHERE subject = $1
) found ORDER BY found.time DESC LIMIT {SHOWN}
"""
