"""A board: what stands in each stage of a pipeline, counted, summed, and the latest of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from services.leads.queries.filters import Filter, where
from services.leads.queries.sql import LEAD
from shared.database import Connection, in_schema


class Cell(NamedTuple):
    """Open leads of a stage in one currency, or without an amount: how many, and their sum."""

    stage: str
    currency: str | None
    leads: int
    amount: int | None


class Card(NamedTuple):
    """A lead on a board: its place in the column, and its JSON."""

    stage: str
    touched: str
    lead: str
    shown: str


async def cells(
    connection: Connection, schema: str, pipeline: str, filters: Sequence[Filter]
) -> Sequence[Cell]:
    """Counts and sums of the open leads of a pipeline, by stage and currency."""
    args: list[object] = [pipeline]
    sql = _SOME.replace("{where}", where(filters, args)) if filters else _TALLIED
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return [Cell(row[0], row[1], row[2], _whole(row[3])) for row in rows]


def _whole(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount)


async def cards(
    connection: Connection,
    schema: str,
    pipeline: str,
    columns: Mapping[str, str],
    limit: int,
    filters: Sequence[Filter] = (),
    after: tuple[str, str] | None = None,
) -> Mapping[str, Sequence[Card]]:
    """The latest touched open leads of each column; one more than the limit if there are more.

    `columns` says for each stage that a lead may be in, which column it stands in; `after` is the
    (touched, lead) that was shown last, of one column alone.
    """
    args: list[object] = [pipeline, [*columns], limit + 1, *(after or ())]
    sql = _CARDS.replace("{after}", _AFTER if after else "")
    sql = sql.replace("{where}", _where(filters, args))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    found: dict[str, list[Card]] = {column: [] for column in columns.values()}
    for card in (Card(*row) for row in rows):
        found[columns[card.stage]].append(card)
    return {column: cards[: limit + 1] for column, cards in found.items()}


def _where(filters: Sequence[Filter], args: list[object]) -> str:
    return f" AND {where(filters, args)}" if filters else ""


_TALLIED = """
SELECT stage, nullif(currency, ''), sum(leads)::bigint, sum(amount)
FROM {s}.tallies WHERE pipeline = $1
GROUP BY stage, currency HAVING sum(leads) > 0 ORDER BY stage, currency
"""

_SOME = """
SELECT l.stage, l.currency, count(*), sum(l.amount)
FROM {s}.leads l WHERE l.pipeline = $1 AND l.state = 'open' AND {where}
GROUP BY l.stage, l.currency ORDER BY l.stage, l.currency
"""

# Each stage alone, so that its leads come in the order of the index.
_CARDS = f"""
WITH page AS MATERIALIZED (
    SELECT l.* FROM unnest($2::text[]) g (stage) CROSS JOIN LATERAL (
        SELECT * FROM {{s}}.leads l
        WHERE l.pipeline = $1 AND l.state = 'open' AND l.stage = g.stage{{where}}{{after}}
        ORDER BY l.touched DESC, l.lead DESC LIMIT $3) l
)
SELECT l.stage, l.touched::text, l.lead::text, {LEAD}
FROM page l ORDER BY l.touched DESC, l.lead DESC
"""

_AFTER = " AND (l.touched, l.lead) < ($4::text::timestamptz, $5::text::uuid)"
