"""Organisations and who belongs to them."""

from collections.abc import Sequence

from shared.database import Connection, in_schema

_PAGE = """
SELECT o.namespace, o.number, json_build_object('namespace', o.namespace, 'number', o.number,
    'name', o.name,
    'members', (SELECT count(*) FROM {s}.memberships m
                WHERE (m.namespace, m.number) = (o.namespace, o.number) AND m.member))::text
FROM {s}.organisations o
WHERE $2::text IS NULL OR (o.namespace, o.number) > ($2, $3)
ORDER BY o.namespace, o.number LIMIT $1
"""

_ONE = """
SELECT o.name, count(m.subject) FILTER (WHERE m.member),
       count(m.subject) FILTER (WHERE NOT m.member)
FROM {s}.organisations o LEFT JOIN {s}.memberships m USING (namespace, number)
WHERE o.namespace = $1 AND o.number = $2
GROUP BY o.name
"""

_MEMBERS = """
SELECT m.member, m.subject::text, (SELECT row_to_json(r) FROM (
    SELECT coalesce(i.customer, m.subject) AS customer, m.subject, m.role,
           left(m.stamp, 27) AS since, m.event) r)::text
FROM {s}.memberships m LEFT JOIN {s}.identities i USING (subject)
WHERE m.namespace = $1 AND m.number = $2
  AND ($4::bool IS NULL OR (NOT m.member, m.subject) > (NOT $4, $5::text::uuid))
ORDER BY NOT m.member, m.subject LIMIT $3
"""


async def page(
    connection: Connection, schema: str, limit: int, after: tuple[str, str] | None
) -> Sequence[tuple[str, str, str]]:
    """Rows of (namespace, number, JSON); one more than the limit where there are more."""
    found = await connection.fetch(in_schema(_PAGE, schema), limit + 1, *(after or (None, None)))
    return [(row[0], row[1], row[2]) for row in found]


async def one(
    connection: Connection, schema: str, namespace: str, number: str
) -> tuple[str | None, int, int] | None:
    """Name, number of members, number of former members; None where it is not known."""
    row = await connection.fetchrow(in_schema(_ONE, schema), namespace, number)
    return None if row is None else (row[0], row[1], row[2])


async def members(
    connection: Connection,
    schema: str,
    namespace: str,
    number: str,
    limit: int,
    after: tuple[bool, str] | None,
) -> Sequence[tuple[bool, str, str]]:
    """Rows of (still a member, subject, JSON), members first; one more where there are more."""
    found = await connection.fetch(
        in_schema(_MEMBERS, schema), namespace, number, limit + 1, *(after or (None, None))
    )
    return [(row[0], row[1], row[2]) for row in found]
