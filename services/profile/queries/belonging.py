"""Why each identifier of a customer belongs to it: owners, pairs with their events, decisions."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.profile.belonging_sql import COUNTS
from services.profile.explanation import explain
from services.profile.identity import APART, SHARED_ABOVE, Candidate
from services.profile.queries.sql import MINE, PRESENT, event_of, moment
from shared.database import Connection, in_schema
from shared.identifiers import KINDS

MOST = 100
"""Pairs, decisions and lost candidates shown of one identifier, at most."""

_CANDIDATES_MOST = 2 * SHARED_ABOVE * len(KINDS) + 1
"""More rows than this, each subject at most twice, are shared whatever the rest would be."""

Row = dict[str, Any]


class Mark(NamedTuple):
    """A place in the list of a customer's identifiers: strongest first, then by subject."""

    rank: int
    subject: str


_RANK = "array_position($2::text[], d.kind) - 1"

_IDENTIFIERS = f"""
WITH {PRESENT}
SELECT {_RANK} AS rank, d.kind, d.namespace, d.value, d.subject::text AS subject,
       coalesce(i.shared, false) AS shared, coalesce(i.root, d.subject)::text AS root
FROM {{s}}.identifiers d LEFT JOIN {{s}}.identities i USING (subject)
WHERE d.subject = {MINE}
  AND ($4::int IS NULL OR (-({_RANK}), d.subject) > (-$4::int, $5::text::uuid))
ORDER BY {_RANK} DESC, d.subject LIMIT $3
"""

_OWNERS = """
SELECT o.subject::text AS of, o.owner::text AS subject, o.direct, left(o.stamp, 27) AS since,
       ARRAY(SELECT v.through::text FROM {s}.derived v
             WHERE NOT o.direct AND v.weaker = o.subject AND v.stronger = o.owner
             ORDER BY v.stamp, v.through LIMIT $2) AS through
FROM {s}.owners o WHERE o.subject = ANY ($1::uuid[]) ORDER BY o.subject, o.rank DESC
"""

_PAIRS = f"""
SELECT g.subject::text AS of, p.other::text AS subject, p.key, NOT p.{COUNTS} AS disowned,
       p.event::text AS event, p.position, v.type, v.source, v.id, {moment("v.time")} AS time,
       left(p.stamp, 27) AS recorded
FROM unnest($1::uuid[]) g (subject) CROSS JOIN LATERAL (
    SELECT stronger AS other, key, event_subject, event, position, stamp
    FROM {{s}}.pairs WHERE weaker = g.subject
    UNION ALL
    SELECT weaker, key, event_subject, event, position, stamp
    FROM {{s}}.pairs WHERE stronger = g.subject
    ORDER BY stamp, other, key LIMIT $2) p
LEFT JOIN {{s}}.events v ON v.subject = p.event_subject AND v.event = p.event
"""

_DECISIONS = f"""
SELECT g.subject::text AS of, d.other::text AS subject, d.verb AS decision, d.actor, d.reason,
       d.event::text AS event, d.position, {event_of("d.stamp")}
FROM unnest($1::uuid[]) g (subject) CROSS JOIN LATERAL (
    SELECT stronger AS other, * FROM {{s}}.decisions WHERE weaker = g.subject
    UNION ALL
    SELECT weaker AS other, * FROM {{s}}.decisions WHERE stronger = g.subject
    ORDER BY stamp DESC LIMIT $2) d
"""

_CANDIDATES = f"""
SELECT g.subject::text, c.stronger::text, c.rank, c.direct, c.stamp,
       EXISTS (SELECT FROM {{s}}.decisions d WHERE d.weaker = g.subject
                  AND d.stronger = c.stronger AND d.verb = $3)
FROM unnest($1::uuid[]) g (subject) CROSS JOIN LATERAL (
    SELECT stronger, stronger_rank AS rank, true AS direct, min(stamp) AS stamp
    FROM {{s}}.pairs WHERE weaker = g.subject AND stronger_rank > weaker_rank AND {COUNTS}
    GROUP BY 1, 2
    UNION ALL
    SELECT stronger, stronger_rank, false, min(stamp)
    FROM {{s}}.derived WHERE weaker = g.subject GROUP BY 1, 2
    LIMIT $2) c
"""

_NAMES = """
SELECT subject::text AS subject, kind, namespace, value
FROM {s}.identifiers WHERE subject = ANY ($1::uuid[])
"""


async def page(
    connection: Connection, schema: str, subject: str, limit: int, after: Mark | None
) -> tuple[list[Row], Mark | None]:
    """Identifiers of the subject's present customer, each with all that is behind it.

    The second is the mark of the next page, where there is one.
    """
    found = await connection.fetch(
        in_schema(_IDENTIFIERS, schema), subject, KINDS, limit + 1, *(after or (None, None))
    )
    shown = [dict(row) for row in found[:limit]]
    subjects = [row["subject"] for row in shown]
    parts = await _Fetch(connection, schema, subjects).parts()
    names = await known(connection, schema, _mentioned(parts))
    for row in shown:
        for name, rows in parts.items():
            row[name] = [_named(part, names) for part in rows.get(row["subject"], ())]
    more = len(found) > limit
    mark = Mark(shown[-1]["rank"], shown[-1]["subject"]) if more else None
    return [{name: row[name] for name in row if name != "rank"} for row in shown], mark


class _Fetch:
    """What the tables say of some identifiers, by part and identifier."""

    def __init__(self, connection: Connection, schema: str, subjects: Sequence[str]) -> None:
        self.connection = connection
        self.schema = schema
        self.subjects = subjects

    async def parts(self) -> dict[str, dict[str, list[Row]]]:
        return {
            "owners": await self._rows(_OWNERS),
            "pairs": await self._rows(_PAIRS),
            "decisions": await self._rows(_DECISIONS),
            "lost": await self._lost(),
        }

    async def _rows(self, sql: str) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = defaultdict(list)
        sql = in_schema(sql, self.schema)
        for row in await self.connection.fetch(sql, self.subjects, MOST):
            fields = dict(row)
            rows[fields.pop("of")].append(fields)
        return rows

    async def _lost(self) -> dict[str, list[Row]]:
        candidates: dict[str, list[Candidate]] = defaultdict(list)
        struck: dict[str, set[str]] = defaultdict(set)
        sql = in_schema(_CANDIDATES, self.schema)
        for subject, stronger, rank, direct, stamp, apart in await self.connection.fetch(
            sql, self.subjects, _CANDIDATES_MOST, APART
        ):
            candidates[subject].append(Candidate(stronger, rank, direct, stamp))
            if apart:
                struck[subject].add(stronger)
        return {
            subject: [
                {
                    "subject": lost.candidate.subject,
                    "direct": lost.candidate.direct,
                    "since": lost.candidate.stamp[:27],
                    "reason": lost.reason,
                    "to": lost.owner.subject if lost.owner else None,
                }
                for lost in explain(candidates[subject], struck[subject])[:MOST]
            ]
            for subject in self.subjects
        }


async def known(
    connection: Connection, schema: str, subjects: Collection[str]
) -> Mapping[str, Row]:
    """The identifiers behind subjects, as the API shows them."""
    rows = await connection.fetch(in_schema(_NAMES, schema), list(subjects))
    return {row["subject"]: dict(row) for row in rows}


def _mentioned(parts: Mapping[str, Mapping[str, Iterable[Row]]]) -> set[str]:
    rows = [row for part in parts.values() for found in part.values() for row in found]
    through = {subject for row in rows for subject in row.get("through", ())}
    return through | {row[name] for row in rows for name in ("subject", "to") if row.get(name)}


def _named(row: Row, names: Mapping[str, Row]) -> Row:
    """A row with the identifier instead of the subject that stands for it."""

    def name(subject: str) -> Row:
        return names.get(subject, {"subject": subject})

    shown: Row = {"identifier": name(row["subject"])}
    shown |= {field: value for field, value in row.items() if field != "subject"}
    if "through" in shown:
        shown["through"] = [name(subject) for subject in shown["through"]]
    if shown.get("to") is not None:
        shown["to"] = name(shown["to"])
    return shown
