"""How a view of contact is proven: every table is compared row by row."""

from shared.comparing import Proof, Row, Side
from shared.database import in_schema

SHOWN = 5
"""Events behind a row that are shown, the latest."""


async def behind(side: Side, table: str, row: Row) -> list[Row]:
    """The latest events that made a row; a count has too many to name them."""
    if table == "quarantine":
        return [{"position": row["position"]}]
    if "subject" not in row:
        return []
    rows = await side.connection.fetch(in_schema(_OF_SUBJECT, side.schema), row["subject"])
    return [dict(found) for found in rows]


PROOF = Proof(by_subject=frozenset({"interactions", "belonging"}), behind=behind)

_OF_SUBJECT = f"""
SELECT position, type, to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
FROM {{s}}.interactions WHERE subject = $1 ORDER BY interactions.time DESC LIMIT {SHOWN}
"""
