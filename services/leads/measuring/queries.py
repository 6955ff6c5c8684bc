"""Numbers of groups and periods, and the rows behind one number."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from services.leads.measuring.filters import DIMENSIONS, where
from services.leads.measuring.periods import BUCKETS
from services.leads.measuring.sources import NOW, SHARED, SOURCES
from services.leads.queries.filters import Filter
from services.leads.queries.sql import moment
from shared.database import Connection, in_schema

TIMEOUT = 20.0
"""Seconds that the numbers may take."""

# What is joined are whole sets, of whose size the planner knows nothing: never row by row.
_ROOM = "SET LOCAL work_mem = '32MB'; SET LOCAL enable_nestloop = off"


class Number(NamedTuple):
    """So many rows of a source: in a group and period, of one value where it has any."""

    what: str
    period: int
    group: str
    value: str | None
    rows: int
    amount: int | None
    other: int | None


class Asked(NamedTuple):
    """Periods (`bounds`, the two before the first included), seen at a moment, and whose."""

    bounds: Sequence[datetime]
    now: datetime
    filters: tuple[Filter, ...]


async def numbers(
    connection: Connection,
    schema: str,
    asked: Asked,
    by: str,
    teams: Mapping[str, Collection[str]],
    after: str | None,
    limit: int,
    names: Collection[str] = SOURCES.keys(),
) -> Sequence[Number]:
    """All numbers by group: of the groups after one, by name, and one group more if there is.

    In the open transaction, whose memory for sorting is raised.
    """
    args: list[object] = [asked.bounds, asked.now, after, limit + 1]
    conditions = where(asked.filters, args)
    group, joined = _grouped(by, teams, args)
    wanted = [name for name in names if by not in BUCKETS or name not in NOW]
    blocks = "\nUNION ALL\n".join(
        f"SELECT '{name}' AS what, f.n, {group} AS grouped, f.value, count(*) AS rows,"
        f" sum(f.amount) AS amount, sum(f.other) AS other\n"
        f"FROM ({SOURCES[name]}) f {joined}\n"
        f"WHERE f.n BETWEEN 1 AND cardinality($1::timestamptz[]) - 3 AND {conditions}\n"
        "GROUP BY f.n, 3, f.value"
        for name in wanted
    )
    sql = _NUMBERS.replace("{shared}", SHARED).replace("{blocks}", blocks)
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    return [
        Number(*row)._replace(amount=_whole(row["amount"]), other=_whole(row["other"]))
        for row in rows
    ]


def _grouped(by: str, teams: Mapping[str, Collection[str]], args: list[object]) -> tuple[str, str]:
    """What rows are grouped by, and what is joined for it."""
    if by in DIMENSIONS:
        return f"coalesce(f.{by}, '')", ""
    if by != "team":
        return "''", ""
    pairs = [(team, member) for team, members in teams.items() for member in members]
    args += [[team for team, _ in pairs], [member for _, member in pairs]]
    columns = f"${len(args) - 1}::text[], ${len(args)}::text[]"
    joined = f"LEFT JOIN unnest({columns}) j (team, member) ON j.member = f.owner"
    return "coalesce(j.team, '')", joined


def _whole(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount)


async def behind(
    connection: Connection,
    schema: str,
    asked: Asked,
    what: str,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[tuple[tuple[str, str], str]]:
    """Rows of a source as ((moment, id), JSON), the latest first; one more if there are more."""
    args: list[object] = [asked.bounds, asked.now, limit + 1, *(after or (None, None))]
    conditions = where(asked.filters, args)
    sql = _BEHIND.replace("{shared}", SHARED).replace("{source}", SOURCES[what])
    sql = sql.replace("{where}", conditions)
    await connection.execute(_ROOM)
    rows = await connection.fetch(in_schema(sql, schema), *args, timeout=TIMEOUT)
    return [((row[0], row[1]), row[2]) for row in rows]


_NUMBERS = """
WITH {shared}, counted AS MATERIALIZED (
{blocks}
)
SELECT what, n, grouped, value, rows, amount, other FROM counted
WHERE $2::timestamptz IS NOT NULL AND grouped COLLATE "C" IN (
    SELECT DISTINCT grouped COLLATE "C" FROM counted
    WHERE $3::text IS NULL OR grouped COLLATE "C" > $3 ORDER BY 1 LIMIT $4)
ORDER BY grouped COLLATE "C", n, what, value
"""

_BEHIND = f"""
WITH {{shared}}, found AS MATERIALIZED (
    SELECT coalesce({moment("f.at")}, '') AS moment, f.id || coalesce(' ' || f.value, '') AS place,
           f.*
    FROM ({{source}}) f WHERE f.n = 1 AND $2::timestamptz IS NOT NULL AND {{where}}
)
SELECT moment, place, json_build_object('kind', kind, 'id', id, 'at', nullif(moment, ''),
    'customer', customer, 'lead', lead, 'owner', owner, 'pipeline', pipeline, 'source', source,
    'product', product, 'country', country, 'region', region, 'value', value,
    'amount', amount)::text
FROM found
WHERE $4::text IS NULL OR (moment COLLATE "C", place COLLATE "C") < ($4::text, $5::text)
ORDER BY moment COLLATE "C" DESC, place COLLATE "C" DESC LIMIT $3
"""
