"""What somebody has to do: the steps of the leads that it owns, and its appointments."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.leads.follow_ups.queries.sql import APPOINTMENT, STEP
from services.leads.queries.measures import Odds
from services.leads.queries.sql import STAGES, moment
from shared.database import Connection, in_schema


class Item(NamedTuple):
    """A step that is to be done, and what its lead is worth.

    `hundredths`: amount times probability in percent, in minor units of `currency`, both None
    without an amount; `alike`: how many steps there are of leads in that currency.
    """

    lead: str
    subject: str
    step: int
    due: str
    currency: str | None
    amount: int | None
    probability: int
    hundredths: int | None
    alike: int
    shown: str


async def steps(
    connection: Connection,
    schema: str,
    owner: str,
    odds: Sequence[Odds],
    span: tuple[datetime | None, datetime],
    most: int,
) -> Sequence[Item]:
    """The steps due after one moment (None: ever), until another, one more than `most` if there
    are more: in each currency the most valuable first, of equal ones those due first."""
    columns = [[*column] for column in zip(*odds, strict=True)] if odds else [[], [], []]
    args = (owner, *span, most + 1, *columns)
    return [Item(*row) for row in await connection.fetch(in_schema(_STEPS, schema), *args)]


async def appointments(
    connection: Connection, schema: str, owner: str, since: datetime, until: datetime, most: int
) -> Sequence[str]:
    """The JSON of the appointments that are, or go on, between two moments, in their order."""
    sql = in_schema(_APPOINTMENTS, schema)
    return [row[0] for row in await connection.fetch(sql, owner, since, until, most + 1)]


_STEPS = f"""
WITH odds AS ({STAGES.format("$5", "$6", "$7")}), valued AS (
    SELECT s.*, l.currency, l.amount, coalesce(o.probability, 0) AS probability,
           l.amount * coalesce(o.probability, 0) AS hundredths
    FROM {{s}}.leads l JOIN {{s}}.steps s ON s.lead = l.lead
    LEFT JOIN odds o ON (o.pipeline, o.stage) = (l.pipeline, l.stage)
    WHERE l.owner = $1 AND s.state IN ('pending', 'due', 'overdue')
      AND ($2::timestamptz IS NULL OR s.due > $2) AND s.due <= $3
), ranked AS (
    SELECT v.*, count(*) OVER (PARTITION BY currency) AS alike,
           row_number() OVER (PARTITION BY currency
               ORDER BY hundredths DESC NULLS LAST, due, follow_up, step) AS place
    FROM valued v
), page AS MATERIALIZED (
    SELECT * FROM ranked ORDER BY (currency IS NULL), place, alike DESC, currency LIMIT $4
)
SELECT s.lead::text, l.subject::text, s.step, {moment("s.due")}, s.currency, s.amount,
       s.probability, s.hundredths, s.alike, {STEP}
FROM page s JOIN {{s}}.leads l ON l.lead = s.lead
ORDER BY (s.currency IS NULL), s.place, s.alike DESC, s.currency
"""

_APPOINTMENTS = f"""
SELECT {APPOINTMENT} FROM {{s}}.leads l JOIN {{s}}.appointments a ON a.lead = l.lead
WHERE l.owner = $1 AND a.state IN ('booked', 'kept') AND a.since < $3 AND a.until > $2
ORDER BY a.since, a.appointment LIMIT $4
"""
