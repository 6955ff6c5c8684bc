"""Forecasts: sums by month and class, the leads in one, and leads at two moments."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from services.leads.decider import PIPELINE
from services.leads.decider.pipeline import defined, stream_of
from services.leads.forecasting.sources import DIMENSIONS, Odds, leads, where
from services.leads.queries.filters import Filter
from services.leads.queries.sql import moment
from services.leads.states import Defined
from shared.database import Connection, in_schema

TIMEOUT = 20.0
"""Seconds that a forecast may take."""

MOST_MOVED = 20_000
"""Leads that are looked at for how a month moved."""

_ROOM = "SET LOCAL work_mem = '64MB'"


class Levels(NamedTuple):
    """The least probability, in percent, of what is committed, the best case, in the pipeline."""

    commit: int = 75
    best_case: int = 50
    pipeline: int = 1

    def of(self, probability: int) -> str:
        """The class of an open lead."""
        for name, least in zip(self._fields, self, strict=True):
            if probability >= least:
                return name
        return "left_out"


class Asked(NamedTuple):
    """As of which moment (None: now), with which odds and levels, whose."""

    at: datetime | None
    odds: Odds
    levels: Levels
    filters: tuple[Filter, ...]

    def is_in_pieces(self, by: str = "") -> bool:
        """Whether leads are told by what they are made of."""
        named = (by, *(each.name.partition("_")[0] for each in self.filters))
        return bool({*named} & {"product", "category"})


class Sum(NamedTuple):
    """Leads of a class in a month (None: not expected on any day), a group and a currency.

    `what`: commit, best_case, pipeline, left_out, won, or last_year: won a year before.
    """

    month: date | None
    group: str
    currency: str
    what: str
    leads: int
    amount: int
    hundredths: int


async def odds(connection: Connection, schema: str, at: datetime | None) -> Odds:
    """The probability of winning from every stage, as pipelines stood: a fold of their events."""
    names = await connection.fetch(in_schema("SELECT name FROM {s}.pipelines", schema))
    streams = [stream_of(row["name"]) for row in names]
    rows = await connection.fetch(in_schema(_PIPELINES, schema), streams, at)
    events: dict[str, list[object]] = {}
    for row in rows:
        body = msgspec.json.decode(row["data"], type=PIPELINE.events[row["type"]])
        events.setdefault(row["stream"], []).append(body)
    states = [defined(PIPELINE.fold(each)) for each in events.values()]  # type: ignore[arg-type]
    return Odds(row for state in states for row in _stages(state))


def _stages(state: Defined) -> list[tuple[str, str, int]]:
    """Of a stage that was removed, the one in its place."""
    found = {stage.name: stage.probability for stage in state.stages}
    removed = {old: found.get(new, 0) for old, new in state.replaced.items()}
    return [(state.name, name, odds) for name, odds in (removed | found).items()]


async def sums(
    connection: Connection, schema: str, asked: Asked, by: str, since: date, until: date
) -> Sequence[Sum]:
    """All sums of months from one day to before another, and of what is expected on no day.

    In the open transaction, whose memory for sorting is raised.
    """
    args: list[object] = [since, until, *asked.levels]
    source = leads(args, asked.at, asked.odds, in_pieces=asked.is_in_pieces(by))
    group = f"coalesce(f.{by}, '')" if by in DIMENSIONS else "''"
    sql = _SUMS.replace("{source}", source).replace("{group}", group)
    sql = sql.replace("{where}", where(asked.filters, args))
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    return [
        Sum(*row)._replace(amount=_whole(row["amount"]), hundredths=_whole(row["hundredths"]))
        for row in rows
    ]


def _whole(number: Decimal | None) -> int:
    return int(number or 0)


async def behind(
    connection: Connection,
    schema: str,
    asked: Asked,
    what: str,
    since: date | None,
    until: date | None,
    currency: str,
    after: str | None,
    limit: int,
) -> Sequence[tuple[str, str]]:
    """The leads of one sum as (id, JSON), by id; one more if there are more."""
    args: list[object] = [since, until, *asked.levels, what, currency, after, limit + 1]
    source = leads(args, asked.at, asked.odds, in_pieces=asked.is_in_pieces())
    sql = _BEHIND.replace("{source}", source)
    sql = sql.replace("{where}", where(asked.filters, args))
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    return [(row[0], row[1]) for row in rows]


class Stood(NamedTuple):
    """A lead at a moment; `counts`: whether it is one of those asked for."""

    state: str
    day: date | None
    amount: int | None
    currency: str | None
    probability: int
    owner: str | None
    counts: bool


class Both(NamedTuple):
    """A lead at two moments; None where it was not there."""

    lead: str
    before: Stood | None
    after: Stood | None


async def both(
    connection: Connection, schema: str, first: Asked, second: Asked, since: date, until: date
) -> Sequence[Both]:
    """The leads that were open and expected, or were won, in some days at one of two moments.

    One more than MOST_MOVED if there are more.
    """
    args: list[object] = [since, until, MOST_MOVED + 1]
    one = leads(args, first.at, first.odds)
    conditions = where(first.filters, args)
    other = leads(args, second.at, second.odds)
    sql = _BOTH.replace("{one}", one).replace("{other}", other)
    sql = sql.replace("{where}", conditions)
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    width = len(Stood._fields)
    return [Both(row[0], _stood(row[1 : width + 1]), _stood(row[width + 1 :])) for row in rows]


def _stood(columns: Sequence[object]) -> Stood | None:
    return None if columns[0] is None else Stood(*columns)  # type: ignore[arg-type]


_PIPELINES = """
SELECT d.stream::text, d.type, (d.record::json -> 'data')::text AS data
FROM {s}.decided d
WHERE d.stream = ANY ($1::text[]::uuid[]) AND ($2::timestamptz IS NULL OR d.time <= $2)
ORDER BY d.stream, d.version
"""

_CLASS = """CASE WHEN f.state = 'won' THEN 'won' WHEN f.probability >= $3 THEN 'commit'
    WHEN f.probability >= $4 THEN 'best_case' WHEN f.probability >= $5 THEN 'pipeline'
    ELSE 'left_out' END"""

_SUMS = f"""
WITH found AS MATERIALIZED (SELECT f.* FROM ({{source}}) f
    WHERE f.state <> 'lost' AND f.money IS NOT NULL AND {{where}}
), months AS (
    SELECT f.*, date_trunc('month', f.day::timestamp)::date AS month, {_CLASS} AS what FROM found f
    WHERE f.day >= $1 AND f.day < $2 OR f.day IS NULL
    UNION ALL
    SELECT f.*, (date_trunc('month', f.day::timestamp) + interval '1 year')::date, 'last_year'
    FROM found f
    WHERE f.state = 'won' AND f.day >= ($1::date - interval '1 year')
      AND f.day < ($2::date - interval '1 year')
)
SELECT f.month, {{group}} AS grouped, f.coin, f.what, count(DISTINCT f.lead) AS leads,
       sum(f.money) AS amount,
       sum(f.money * f.probability) AS hundredths
FROM months f GROUP BY 1, 2, 3, 4 ORDER BY 1 NULLS LAST, 2, 3, 4
"""

_BEHIND = f"""
SELECT f.lead::text, json_build_object('id', f.lead, 'state', f.state, 'pipeline', f.pipeline,
    'stage', f.stage, 'probability', f.probability, 'owner', f.owner, 'source', f.source,
    'product', CASE WHEN count(*) = 1 THEN min(f.product) END,
    'category', CASE WHEN count(DISTINCT f.category) = 1 THEN min(f.category) END,
    'day', f.day, 'amount', sum(f.money),
    'currency', f.coin, 'closed', CASE f.state WHEN 'won' THEN {moment("f.closed_at")} END)::text
FROM ({{source}}) f
WHERE f.state <> 'lost' AND f.money IS NOT NULL AND {_CLASS} = $6 AND f.coin = $7
  AND CASE WHEN $1::date IS NULL THEN f.day IS NULL ELSE f.day >= $1 AND f.day < $2::date END
  AND ($8::text IS NULL OR f.lead > $8::text::uuid) AND {{where}}
GROUP BY f.lead, f.state, f.pipeline, f.stage, f.probability, f.owner, f.source, f.day, f.coin,
         f.closed_at
ORDER BY f.lead LIMIT $9
"""

_STOOD = "state, f.day, f.money, f.coin, f.probability, f.owner"

_BOTH = """
WITH one AS MATERIALIZED (SELECT f.*, ({where}) AS counts FROM ({one}) f
), other AS MATERIALIZED (SELECT f.*, ({where}) AS counts FROM ({other}) f)
SELECT coalesce(f.lead, g.lead)::text,
       f.state, f.day, f.money, f.coin, f.probability, f.owner, f.counts,
       g.state, g.day, g.money, g.coin, g.probability, g.owner, g.counts
FROM one f FULL JOIN other g ON g.lead = f.lead
WHERE coalesce(f.day >= $1 AND f.day < $2 AND f.counts AND f.state IN ('open', 'won'), false)
   OR coalesce(g.day >= $1 AND g.day < $2 AND g.counts AND g.state IN ('open', 'won'), false)
ORDER BY coalesce(f.lead, g.lead) LIMIT $3
"""
