"""Claims: what one stream alone may hold, for all subjects of a customer."""

from collections.abc import Mapping, Sequence

import asyncpg

from shared.database import Connection
from shared.decider import Claim
from shared.deciding.streams import Change, Lost, Taken


async def claim(connection: Connection, changes: Sequence[Change]) -> None:
    """Free what is held no longer, then take what is new, each claim for all of a customer.

    Of several streams that want the same at once the first one in the order of ids has it. Raises
    Lost where another holds it already.
    """
    freed = sorted((*claim, change.stream) for change in changes for claim in change.frees)
    if freed:
        await connection.execute(_FREE, *zip(*freed, strict=True))
    taken = sorted((*claim, change.stream) for change in changes for claim in change.takes)
    if not taken:
        return
    first = {Claim(scope, subject): stream for scope, subject, stream in reversed(taken)}
    columns = zip(*sorted((*claim, stream) for claim, stream in first.items()), strict=True)
    held = await connection.fetch(_TAKE, *columns)
    # whoever takes a claim of the same customer at the same time is waited for
    subjects = sorted({claim.subject for claim in first})
    await connection.execute(_LOCK_CUSTOMERS, subjects)
    scopes = sorted({claim.scope for claim in first})
    held += await connection.fetch(_MATES, scopes, subjects)
    if lost := _losers(changes, first, held):
        raise Lost(lost, changes)


def _losers(
    changes: Sequence[Change], first: Mapping[Claim, str], held: Sequence[asyncpg.Record]
) -> dict[int, Taken]:
    """`held`: each claim that stands in the way of one that is taken, or is that one."""
    if _is_alone(changes, first, held):
        return {}
    holders: dict[Claim, set[tuple[bool, str]]] = {}
    for row in held:
        claim, stream = Claim(row["scope"], str(row["subject"])), str(row["stream"])
        fresh = first.get(claim) == stream
        taken = Claim(row["scope"], str(row["taken"]))
        holders.setdefault(taken, set()).add((fresh, stream))
    lost: dict[int, Taken] = {}
    for number, change in enumerate(changes):
        for claim in change.takes:
            others = {
                (fresh, stream) for fresh, stream in holders[claim] if stream != change.stream
            }
            _, winner = min(others | {(True, change.stream)})
            if winner != change.stream:
                lost[number] = Taken(claim, winner)
    return lost


def _is_alone(
    changes: Sequence[Change], first: Mapping[Claim, str], held: Sequence[asyncpg.Record]
) -> bool:
    """Whether no two want or have the same, as nearly always."""
    return all(first[claim] == each.stream for each in changes for claim in each.takes) and all(
        first.get(Claim(row["scope"], str(row["taken"]))) == str(row["stream"]) for row in held
    )


_FREE = """
DELETE FROM claims c USING unnest($1::text[], $2::uuid[], $3::uuid[]) g (scope, subject, stream)
WHERE c.scope = g.scope AND c.subject = g.subject AND c.stream = g.stream
"""

# Where another holds it, that row is locked and answered: it cannot go meanwhile.
_TAKE = """
INSERT INTO claims AS c (scope, subject, stream)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[])
ON CONFLICT (scope, subject) DO UPDATE SET stream = c.stream
RETURNING c.scope, c.subject, c.subject AS taken, c.stream
"""

_LOCK_CUSTOMERS = """
SELECT FROM belonging WHERE customer = ANY (
    $1::uuid[] || ARRAY(SELECT customer FROM belonging WHERE subject = ANY ($1::uuid[]))
)
ORDER BY subject FOR UPDATE
"""

# by keys, also where the plan was made when there were few claims: therefore OFFSET 0
_MATES = """
WITH asked AS (
    SELECT g.subject AS taken, coalesce(b.customer, g.subject) AS customer
    FROM unnest($2::uuid[]) g (subject) LEFT JOIN LATERAL (
        SELECT customer FROM belonging WHERE subject = g.subject OFFSET 0
    ) b ON true
), all_of AS (
    SELECT taken, customer AS subject FROM asked
    UNION SELECT a.taken, b.subject FROM asked a CROSS JOIN LATERAL (
        SELECT subject FROM belonging WHERE customer = a.customer OFFSET 0
    ) b
)
SELECT c.scope, c.subject, a.taken, c.stream
FROM all_of a CROSS JOIN LATERAL (
    SELECT * FROM claims WHERE subject = a.subject AND scope = ANY ($1::text[]) OFFSET 0
) c
LEFT JOIN LATERAL (SELECT customer FROM belonging WHERE subject = c.subject OFFSET 0) b ON true
JOIN asked k ON k.taken = a.taken AND k.customer = coalesce(b.customer, c.subject)
"""
