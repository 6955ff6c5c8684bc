"""Leads as they were at a moment, or are: the same columns from either."""

from collections.abc import Iterable, Mapping

from services.leads.queries.filters import Filter


def _last(column: str, said: str) -> str:
    """What was said last, by the version of the lead."""
    return f"(array_agg(e.{column} ORDER BY e.version DESC) FILTER (WHERE {said}))[1] AS {column}"


# {at}: the moment.
_THEN = f"""
    SELECT e.lead, {_last("pipeline", "e.pipeline IS NOT NULL")},
           {_last("source", "e.source IS NOT NULL")},
           {_last("stage", "e.stage IS NOT NULL")}, {_last("state", "e.state IS NOT NULL")},
           {_last("amount", "e.priced")}, {_last("currency", "e.priced")},
           {_last("expected_close", "e.dated")}, {_last("owner", "e.owned")},
           {_last("product", "e.chosen")},
           (array_agg(e.at ORDER BY e.version DESC) FILTER (WHERE e.state IS NOT NULL))[1]
               AS closed_at,
           (array_agg(e.won_amount ORDER BY e.version DESC)
               FILTER (WHERE e.state IS NOT NULL))[1] AS won_amount,
           (array_agg(e.won_currency ORDER BY e.version DESC)
               FILTER (WHERE e.state IS NOT NULL))[1] AS won_currency
    FROM {{s}}.estimates e WHERE e.at <= {{at}}
    GROUP BY e.lead HAVING bool_or(e.pipeline IS NOT NULL)"""

_NOW = """
    SELECT l.lead, l.pipeline, l.source, l.stage, l.state, l.amount, l.currency, l.expected_close,
           l.owner, l.product, l.closed_at, l.won_amount, l.won_currency
    FROM {s}.leads l WHERE l.begun IS NOT NULL"""

# {odds}: the stages of all pipelines and their probabilities, as they stood; {where}: whose.
_FORECAST = """
SELECT x.*, p.category, coalesce(o.probability, 0) AS probability,
       CASE WHEN x.state = 'open' THEN x.expected_close ELSE
           (x.closed_at AT TIME ZONE 'UTC')::date END AS day,
       CASE x.state WHEN 'open' THEN x.amount ELSE x.won_amount END AS money,
       CASE x.state WHEN 'open' THEN x.currency ELSE x.won_currency END AS coin
FROM ({rows}) x
LEFT JOIN {s}.products p ON p.sku = x.product
LEFT JOIN (SELECT * FROM unnest({odds}) g (pipeline, stage, probability)) o
       ON (o.pipeline, o.stage) = (x.pipeline, x.stage)
WHERE x.state IN ('open', 'won', 'lost')"""

# In pieces: a lead's lines, where they are in its currency, and what is left of its amount.
_PIECES = """
WITH w AS MATERIALIZED ({forecast}
), lines AS (
    SELECT l.lead, l.sku, l.category, l.amount, l.currency
    FROM (SELECT e.*, max(e.version) OVER (PARTITION BY e.lead) AS latest
          FROM {s}.estimate_lines e{until}) l
    WHERE l.version = l.latest AND l.amount IS NOT NULL
), pieces AS MATERIALIZED (
    SELECT l.lead, l.sku, l.category, l.amount
    FROM lines l JOIN w ON w.lead = l.lead AND w.coin = l.currency
), split AS (
    SELECT lead, sku, category, amount::numeric AS amount FROM pieces
    UNION ALL
    SELECT w.lead, w.product, w.category, w.money - coalesce(sum(p.amount), 0)
    FROM w LEFT JOIN pieces p ON p.lead = w.lead
    GROUP BY w.lead, w.product, w.category, w.money
    HAVING count(p.lead) = 0 OR w.money <> coalesce(sum(p.amount), 0)
)
SELECT w.lead, w.pipeline, w.source, w.stage, w.state, w.owner, w.closed_at, w.probability, w.day,
       w.coin, p.sku AS product, p.category, p.amount AS money
FROM w JOIN split p ON p.lead = w.lead"""

DIMENSIONS = ("pipeline", "owner", "source", "product", "category")

CONDITIONS: Mapping[str, str] = {
    **{f"{name}_eq": f"f.{name} = ANY ({{v}}::text[])" for name in DIMENSIONS},
    **{f"{name}_exists": f"(f.{name} IS NOT NULL) = {{v}}::boolean" for name in DIMENSIONS},
}
"""Whose, of rows `f`: by an allow-list; `{v}` is what is compared with."""


class Odds:
    """Stages and probabilities, as arguments."""

    def __init__(self, stages: Iterable[tuple[str, str, int]]) -> None:
        rows = [*stages]
        self.columns: list[list[object]] = [[row[n] for row in rows] for n in range(3)]


def leads(args: list[object], at: object, odds: Odds, *, in_pieces: bool = False) -> str:
    """Leads as of a moment, None for now; what the statement needs is added to its arguments.

    In pieces: a row for each line of a lead, told by the line's product and category, and one for
    what its lines are short of its amount, or over; so the pieces sum to the lead.

    `day`, `money` and `coin`: when it is expected to close and for what, or when it closed and was
    won for what; `category` is what the catalogue says of the product now.
    """
    rows, until = _NOW, ""
    if at is not None:
        args.append(at)
        rows = _THEN.replace("{at}", f"${len(args)}::timestamptz")
        until = f" WHERE e.at <= ${len(args)}::timestamptz"
    args += odds.columns
    first = len(args) - 2
    columns = f"${first}::text[], ${first + 1}::text[], ${first + 2}::integer[]"
    forecast = _FORECAST.replace("{rows}", rows).replace("{odds}", columns)
    if not in_pieces:
        return forecast
    return _PIECES.replace("{forecast}", forecast).replace("{until}", until)


def where(filters: Iterable[Filter], args: list[object]) -> str:
    """The conditions, joined; their values are added to the arguments."""
    conditions = ["true"]
    for name, value in filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(CONDITIONS[name].replace("{v}", f"${len(args)}"))
    return " AND ".join(conditions)
