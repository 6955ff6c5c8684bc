"""Numbers about leads in a period, by what they are told apart by."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from services.leads.queries.filters import TERRITORIES, Filter, where
from services.leads.queries.sql import STAGES, own_field
from shared.database import Connection, in_schema

BY: Mapping[str, str] = {
    "": "''",
    "pipeline": "l.pipeline",
    "owner": "coalesce(l.owner, '')",
    "source": "l.source",
    "product": "coalesce(l.product, '')",
    **dict.fromkeys(("team", *TERRITORIES), "coalesce(l.told, '')"),
    **{
        period: f"to_char(date_trunc('{period}', {{at}} AT TIME ZONE 'UTC'), 'YYYY-MM-DD')"
        for period in ("day", "week", "month")
    },
}
"""What leads are told apart by; empty text stands for those without any."""

PERIODS = frozenset({"day", "week", "month"})


class Odds(NamedTuple):
    """A stage, also one that was removed, and the probability of winning from there, percent."""

    pipeline: str
    stage: str
    probability: int


class Period(NamedTuple):
    """From one moment, until before another."""

    since: datetime
    until: datetime


class Counted(NamedTuple):
    """Leads of a group that are one thing - open, new, won, lost - all or some of them.

    `within`: "" all, "currency", "reason" or "competitor": those with that `value`. `hundredths`
    is the sum of amount times probability; `days` the median from capture to close.
    """

    group: str
    what: str
    within: str
    value: str | None
    leads: int
    amount: int | None
    hundredths: int | None
    days: float | None


class Reached(NamedTuple):
    """Leads that came as far as a stage, by its number, and the median stay there in days."""

    stage: int
    leads: int
    days: float | None


async def counted(
    connection: Connection,
    schema: str,
    by: str,
    period: Period,
    filters: Sequence[Filter],
    odds: Sequence[Odds],
    after: str | None,
    limit: int,
    *,
    teams: Mapping[str, Collection[str]],
) -> Sequence[Counted]:
    """All numbers of the groups after one, by name; those of one group more if there are more.

    In the open transaction, whose memory for sorting is raised.
    """
    args: list[object] = [*period, *_columns(odds), after, limit + 1]
    conditions = where(filters, args)
    told, joined = _told(by, teams, args)
    sql = _COUNTED.replace("{where}", conditions).replace("{open}", _open(by))
    sql = sql.replace("{told}", told).replace("{joined}", joined)
    for name, at in (("captured", "l.captured"), ("closed", "l.closed_at")):
        sql = sql.replace(f"{{by_{name}}}", BY[by].replace("{at}", at))
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    return [
        Counted(*row)._replace(amount=_whole(row["amount"]), hundredths=_whole(row["hundredths"]))
        for row in rows
    ]


def _told(by: str, teams: Mapping[str, Collection[str]], args: list[object]) -> tuple[str, str]:
    """What a lead is told apart by where it is no column of it, and what is joined for that."""
    if by != "team":
        return own_field(by) if by in TERRITORIES else "NULL::text", ""
    pairs = [(team, member) for team, members in teams.items() for member in members]
    args += [[team for team, _ in pairs], [member for _, member in pairs]]
    columns = f"${len(args) - 1}::text[], ${len(args)}::text[]"
    return "j.team", f"LEFT JOIN unnest({columns}) j (team, member) ON j.member = l.owner"


def _whole(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount)


TIMEOUT = 20.0
"""Seconds that the numbers may take."""


def _open(by: str) -> str:
    """What is open is so now, in no period."""
    return "l.state = 'open'" if by not in PERIODS else "false"


def _columns(odds: Sequence[Odds]) -> list[list[object]]:
    return [[*column] for column in zip(*odds, strict=True)] if odds else [[], [], []]


async def funnel(
    connection: Connection,
    schema: str,
    period: Period,
    filters: Sequence[Filter],
    stages: Mapping[str, int],
) -> Sequence[Reached]:
    """How far the leads came that were captured in a period, those merged left out.

    `stages`: the number of every stage, also of those that were removed. A lead reached a stage
    when it ever was in it or in a later one, or is won, which counts as the number after the last.
    """
    args: list[object] = [*period, [*stages], [*stages.values()]]
    sql = _FUNNEL.replace("{where}", where(filters, args))
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    return [Reached(*row) for row in rows]


_COUNTED = f"""
WITH odds AS ({STAGES.format("$3", "$4", "$5")}), chosen AS MATERIALIZED (
    SELECT l.pipeline, l.stage, l.state, l.owner, l.source, l.product, l.amount, l.currency,
           l.captured, l.closed_at, l.won_amount, l.won_currency, l.reason, l.competitor,
           {{told}} AS told
    FROM {{s}}.leads l {{joined}}
    WHERE ({{open}} OR (l.captured >= $1 AND l.captured < $2)
           OR (l.closed_at >= $1 AND l.closed_at < $2))
      AND l.state <> 'merged' AND {{where}}
), facts AS MATERIALIZED (
    SELECT {{by_captured}} AS grouped, 'open' AS what, l.currency, l.amount,
           l.amount * coalesce(o.probability, 0) AS hundredths,
           NULL AS reason, NULL AS competitor, NULL::float8 AS days
    FROM chosen l LEFT JOIN odds o ON (o.pipeline, o.stage) = (l.pipeline, l.stage)
    WHERE {{open}}
    UNION ALL
    SELECT {{by_captured}}, 'new', NULL, NULL, NULL, NULL, NULL, NULL
    FROM chosen l WHERE l.captured >= $1 AND l.captured < $2
    UNION ALL
    SELECT {{by_closed}}, l.state, l.won_currency, l.won_amount, NULL, l.reason, l.competitor,
           CASE WHEN l.state = 'won'
                THEN extract(epoch FROM l.closed_at - l.captured)::float8 / 86400 END
    FROM chosen l WHERE l.closed_at >= $1 AND l.closed_at < $2
), page AS (
    SELECT DISTINCT grouped COLLATE "C" AS grouped FROM facts
    WHERE $6::text IS NULL OR grouped COLLATE "C" > $6 ORDER BY 1 LIMIT $7
), medians AS (
    SELECT grouped, percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS days
    FROM facts WHERE what = 'won' GROUP BY grouped
), counted AS (
    SELECT grouped, what, GROUPING(currency, reason, competitor) AS left_out,
           coalesce(currency, reason, competitor) AS value, count(*) AS leads,
           sum(amount) AS amount, sum(hundredths) AS hundredths
    FROM facts WHERE grouped IN (SELECT grouped FROM page)
    GROUP BY GROUPING SETS ((grouped, what), (grouped, what, currency),
                            (grouped, what, reason), (grouped, what, competitor))
)
SELECT c.grouped, c.what, w.within, c.value, c.leads,
       CASE WHEN w.within = 'currency' THEN c.amount END AS amount,
       CASE WHEN w.within = 'currency' THEN c.hundredths END AS hundredths,
       CASE WHEN w.within = '' AND c.what = 'won' THEN m.days END
FROM counted c
JOIN (VALUES (7, ''), (3, 'currency'), (5, 'reason'), (6, 'competitor')) w (left_out, within)
  ON w.left_out = c.left_out
LEFT JOIN medians m ON m.grouped = c.grouped
WHERE w.within = '' OR c.value IS NOT NULL
ORDER BY c.grouped COLLATE "C", c.what, w.within, c.leads DESC, c.value
"""
_ROOM = "SET LOCAL work_mem = '32MB'"
"""So that what is sorted for a year of leads stays in memory; for the open transaction."""

_FUNNEL = """
WITH stages AS (
    SELECT * FROM unnest($3::text[], $4::integer[]) g (stage, number)
), cohort AS MATERIALIZED (
    SELECT l.lead, l.state FROM {s}.leads l
    WHERE l.captured >= $1 AND l.captured < $2 AND l.state <> 'merged' AND {where}
), places AS MATERIALIZED (
    SELECT y.lead, y.kind, c.state,
           -- only a merge is taken back: the lead is again where it was before it
           CASE y.kind WHEN 'resumed' THEN lag(y.stage, 2) OVER w ELSE y.stage END AS stage,
           extract(epoch FROM lead(y.at) OVER w - y.at)::float8 / 86400 AS days
    FROM {s}.stays y JOIN cohort c ON c.lead = y.lead
    WINDOW w AS (PARTITION BY y.lead ORDER BY y.version)
), furthest AS (
    SELECT p.lead, max(CASE WHEN p.state = 'won'
                       THEN (SELECT max(number) + 1 FROM stages) ELSE s.number END) AS number
    FROM places p LEFT JOIN stages s ON s.stage = p.stage GROUP BY p.lead
), stayed AS (
    SELECT s.number, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.days) AS days
    FROM places p JOIN stages s ON s.stage = p.stage
    WHERE p.kind <> 'ended' AND p.days IS NOT NULL GROUP BY s.number
)
SELECT n.number, (SELECT count(*) FROM furthest f WHERE f.number >= n.number), y.days
FROM (SELECT DISTINCT number FROM stages UNION SELECT max(number) + 1 FROM stages) n
LEFT JOIN stayed y ON y.number = n.number ORDER BY n.number
"""
