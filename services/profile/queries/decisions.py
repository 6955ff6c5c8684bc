"""What a decision about two identifiers has to know: what stands, and the chain between them."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from services.profile.belonging_sql import COUNTS
from services.profile.explanation import Link, chain
from services.profile.identity import TOGETHER, Candidate, Derived, Identity, Owners
from services.profile.queries.belonging import Row, known
from shared.database import Connection, in_schema

ROUNDS, MOST = 40, 20_000
"""Steps away from the two, and decisions, that are looked at for a chain, at most."""


class Standing(NamedTuple):
    """What is known of two identifiers: the decision that stands, and whether they form a pair."""

    verb: str | None
    stamp: str | None
    paired: bool
    customers: tuple[str, str]


_STANDING = f"""
SELECT d.verb, d.stamp,
       EXISTS (SELECT FROM {{s}}.pairs p
               WHERE p.weaker = g.weaker AND p.stronger = g.stronger AND p.{COUNTS})
       OR EXISTS (SELECT FROM {{s}}.derived v
                  WHERE v.weaker = g.weaker AND v.stronger = g.stronger),
       coalesce(w.customer, g.weaker)::text, coalesce(t.customer, g.stronger)::text
FROM (SELECT $1::uuid AS weaker, $2::uuid AS stronger) g
LEFT JOIN {{s}}.decisions d ON d.weaker = g.weaker AND d.stronger = g.stronger
LEFT JOIN {{s}}.identities w ON w.subject = g.weaker
LEFT JOIN {{s}}.identities t ON t.subject = g.stronger
"""

_JOINS = """
SELECT j.weaker::text, j.stronger::text
FROM {s}.identities i JOIN {s}.joins j ON j.weaker = i.subject
WHERE i.customer = $1 LIMIT $2
"""

_OWNERS = """
SELECT subject::text, owner::text, rank, direct, stamp
FROM {s}.owners WHERE subject = ANY ($1::uuid[]) ORDER BY subject, rank
"""

# Of all that a derived owner is derived through only the earliest is needed.
_DERIVED = """
SELECT DISTINCT ON (v.weaker, v.stronger) v.weaker::text, v.stronger::text, v.through::text,
       v.weaker_rank, v.stronger_rank, v.stamp
FROM {s}.owners o JOIN {s}.derived v ON v.weaker = o.subject AND v.stronger = o.owner
WHERE o.subject = ANY ($1::uuid[]) AND NOT o.direct
ORDER BY v.weaker, v.stronger, v.stamp, v.through
"""

_EVIDENCE = f"""
SELECT g.start::text AS start, g.finish::text AS finish, e.*
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY g (start, finish, by, n)
LEFT JOIN LATERAL (
    (SELECT p.event::text AS event, p.position, left(p.stamp, 27) AS recorded
     FROM {{s}}.pairs p
     WHERE g.by <> $4 AND (p.weaker, p.stronger) IN ((g.start, g.finish), (g.finish, g.start))
       AND p.{COUNTS}
     ORDER BY p.stamp LIMIT 1)
    UNION ALL
    SELECT d.event::text, d.position, substr(d.stamp, 28, 27)
    FROM {{s}}.decisions d
    WHERE g.by = $4 AND (d.weaker, d.stronger) IN ((g.start, g.finish), (g.finish, g.start))) e
    ON true
ORDER BY g.n
"""


async def standing(connection: Connection, schema: str, weaker: str, stronger: str) -> Standing:
    """What is known of the two."""
    row = await connection.fetchrow(in_schema(_STANDING, schema), weaker, stronger)
    assert row is not None
    return Standing(row[0], row[1], row[2], (row[3], row[4]))


async def joined_by(connection: Connection, schema: str, start: str, end: str) -> list[Row]:
    """The chain of pairs and decisions that leads from one to the other, with their events.

    Empty where they belong to different customers.
    """
    now = await standing(connection, schema, start, end)
    if now.customers[0] != now.customers[1]:
        return []
    identity = await _around(connection, schema, {start, end}, now.customers[0])
    return await _shown(connection, schema, chain(identity, start, end))


async def _around(connection: Connection, schema: str, ends: set[str], customer: str) -> Identity:
    """As much of identity as a chain inside one customer can touch."""
    joins = await connection.fetch(in_schema(_JOINS, schema), customer, MOST)
    together = {(row[0], row[1]) for row in joins}
    waiting = ends | {end for two in together for end in two}
    owners: dict[str, Owners] = {}
    derived: set[Derived] = set()
    for _ in range(ROUNDS):
        if not waiting:
            break
        found = await _step(connection, schema, waiting)
        owners |= {subject: tuple(found[0].get(subject, ())) for subject in waiting}
        derived |= found[1]
        above = {owner.subject for chosen in owners.values() for owner in chosen}
        waiting = (above | {pair.through for pair in derived}) - owners.keys()
    return Identity({}, owners, derived, together=together)


async def _step(
    connection: Connection, schema: str, subjects: Collection[str]
) -> tuple[dict[str, list[Candidate]], set[Derived]]:
    owners: dict[str, list[Candidate]] = {}
    for row in await connection.fetch(in_schema(_OWNERS, schema), list(subjects)):
        owners.setdefault(row[0], []).append(Candidate(row[1], row[2], row[3], row[4]))
    derived = await connection.fetch(in_schema(_DERIVED, schema), list(subjects))
    return owners, {Derived(*row) for row in derived}


async def _shown(connection: Connection, schema: str, links: Sequence[Link]) -> list[Row]:
    starts, ends = [link.start for link in links], [link.end for link in links]
    names = await known(connection, schema, {*starts, *ends})
    rows = await connection.fetch(
        in_schema(_EVIDENCE, schema), starts, ends, [link.by for link in links], TOGETHER
    )
    return [
        {
            "from": names.get(link.start, {"subject": link.start}),
            "to": names.get(link.end, {"subject": link.end}),
            "by": link.by,
            "event": row["event"],
            "position": row["position"],
            "recorded": row["recorded"],
        }
        for link, row in zip(links, rows, strict=True)
    ]
