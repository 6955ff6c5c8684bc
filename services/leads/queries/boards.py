"""A board: what stands in each stage of a pipeline, counted, summed, and the latest of it."""

from collections.abc import Mapping, Sequence
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


class Shown(NamedTuple):
    """A board as it is at one moment: its cells, and the cards of each column."""

    cells: Sequence[Cell]
    cards: Mapping[str, Sequence[Card]]


async def board(
    connection: Connection,
    schema: str,
    pipeline: str,
    columns: Mapping[str, str],
    limit: int,
    filters: Sequence[Filter] = (),
    after: tuple[str, str] | None = None,
) -> Shown:
    """Counts and sums of the open leads of a pipeline, by stage and currency, and the latest
    touched of each column; one more than the limit if there are more. One statement.

    `columns` says for each stage that a lead may be in, which column it stands in; `after` is the
    (touched, lead) that was shown last, of one column alone.
    """
    args: list[object] = [pipeline, [*columns], limit + 1, *(after or ())]
    narrowed = f" AND {where(filters, args)}" if filters else ""
    sql = _BOARD.replace("{cells}", _SOME if filters else _TALLIED)
    sql = sql.replace("{after}", _AFTER if after else "").replace("{where}", narrowed)
    cells: list[Cell] = []
    cards: dict[str, list[Card]] = {column: [] for column in columns.values()}
    for row in await connection.fetch(in_schema(sql, schema), *args):
        if row["shown"] is None:
            amount = None if row["amount"] is None else int(row["amount"])
            cells.append(Cell(row["stage"], row["word"], row["leads"], amount))
        else:
            card = Card(row["stage"], row["word"], row["lead"], row["shown"])
            cards[columns[card.stage]].append(card)
    return Shown(cells, {column: found[: limit + 1] for column, found in cards.items()})


_TALLIED = """
SELECT stage, nullif(currency, '') AS currency, sum(leads)::bigint AS leads, sum(amount) AS amount
FROM {s}.tallies WHERE pipeline = $1
GROUP BY stage, currency HAVING sum(leads) > 0
"""

_SOME = """
SELECT l.stage, l.currency, count(*) AS leads, sum(l.amount) AS amount
FROM {s}.leads l WHERE l.pipeline = $1 AND l.state = 'open'{where}
GROUP BY l.stage, l.currency
"""

# Each stage alone, so that its leads come in the order of the index.
_BOARD = f"""
WITH cells AS ({{cells}}), page AS MATERIALIZED (
    SELECT l.* FROM unnest($2::text[]) g (stage) CROSS JOIN LATERAL (
        SELECT * FROM {{s}}.leads l
        WHERE l.pipeline = $1 AND l.state = 'open' AND l.stage = g.stage{{where}}{{after}}
        ORDER BY l.touched DESC, l.lead DESC LIMIT $3) l
)
SELECT stage, word, lead, leads, amount, shown FROM (
    SELECT l.stage, l.touched::text AS word, l.lead::text AS lead, NULL::bigint AS leads,
           NULL::numeric AS amount, {LEAD} AS shown, l.touched, l.lead AS id
    FROM page l
    UNION ALL
    SELECT stage, currency, NULL, leads, amount, NULL, NULL, NULL FROM cells
) board ORDER BY touched DESC, id DESC, stage, word
"""

_AFTER = " AND (l.touched, l.lead) < ($4::text::timestamptz, $5::text::uuid)"
