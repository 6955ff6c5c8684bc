"""Which identifiers decide to whom one belongs, so that few events tell as much as all of them.

Everything here speaks of the events within a horizon, and of those alone.

An identifier is *surely shared* when it was seen, directly, with more identifiers of one stronger
kind than the limit allows, by keys that nobody ever disowned: whatever else is known, nobody owns
it. The neighbourhood of an
identifier is the least set N with it in which each member that is not surely shared brings in

- all identifiers of weaker and of stronger kinds that it was ever seen together with, and
- all identifiers that anybody ever decided about together with it,

less those that are surely shared: these are its *edge*. From all events that name a member, all
decisions about one, and enough events to show that each of the edge is shared, the members' owners
and roots come out as they come out from all events:

1. (a) A member's owners stand in N or on the edge, and (b) what a member owns stands in N. By
   induction over the rank of the one that is owned, v, which is not shared and so is not on the
   edge. Seen directly, v and its owner are neighbours, and the member brings the other in. Where
   it is derived, both own some weaker w. (a) If v is a member, so is w, by (b), and then the owner
   is in N or on the edge, by (a). (b) If the owner is a member, so is w, by (b), and then so is v,
   by (a). The same holds of what comes out from the few events, for its pairs are among all.
2. So the candidates of a member are the same: those seen directly come from events that name it,
   derived ones from weaker members, whose owners are the same by induction over ranks. Who is held
   apart from it is the same, for all decisions about it are there. So are its owners and, as they
   lead up inside N and end there or on the edge, its root.
3. Nobody outside N has a root in N: on the way up the last one outside would be owned by a member.

A customer is a set of roots that decisions put together, and all decisions about members are there.
So where none of the customer's roots stands on the edge, the customer is the same as from all
events. Where one does, it is *opened*: it becomes a member that brings in what is weaker than it,
since that it may own, and whom it was decided about; nothing stronger, for nobody owns it. Every
customer is found by opening the edge until none of its roots stands there.

An event stands under the strongest of its identifiers, of equals the smallest. So the events that
name a member are those under members, and of those under its other neighbours some, which name it.
"""

from collections.abc import Collection
from itertools import islice
from typing import Any

from services.profile.belonging_sql import COUNTS
from services.profile.identity import SHARED_ABOVE
from services.profile.queries.history import Horizon
from shared.clock import rfc3339
from shared.database import Connection, in_schema
from shared.errors import Unprocessable
from shared.identifiers import KINDS

SUBJECTS = 2_000
"""Members of one neighbourhood, at most."""

LINKS = 50_000
"""Pairs of those that are new that are looked at in one go, at most."""

Two = tuple[str, str]


class TooLarge(Unprocessable):
    """So many events or identifiers decide a customer that they are not folded on the spot."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} decide this customer: too much to fold for one request.",
            code="too_large",
        )


class Neighbourhood:
    """Members and edge, grown from a view schema in one snapshot of it.

    `witnesses`: (subject, event) of events that show the edge, and what was opened, to be shared.
    """

    def __init__(
        self,
        connection: Connection,
        schema: str,
        horizon: Horizon,
        shared_above: int = SHARED_ABOVE,
        most: int = SUBJECTS,
    ) -> None:
        self.members: set[str] = set()
        self.edge: set[str] = set()
        self.witnesses: set[Two] = set()
        self._holders: set[Two] = set()
        self._connection = connection
        self._schema = schema
        self._as_of = horizon.as_of
        self._known_at = rfc3339(horizon.known_at) if horizon.known_at else None
        self._shared_above = shared_above
        self._most = most

    @property
    def holders(self) -> set[Two]:
        """(holder, member): no members, but events that name the member may stand under them."""
        return {two for two in self._holders if two[0] not in self.members}

    async def grow(self, subjects: Collection[str]) -> None:
        """Make these members, surely shared or not, and whomever they bring in. Raises TooLarge."""
        self.edge -= {*subjects}
        waiting = {*subjects} - self.members
        opened = await self._shared(waiting)
        while waiting:
            self.members |= waiting
            if len(self.members) > self._most:
                raise TooLarge(f"More than {self._most:,} identifiers")
            near = await self._near(waiting, opened) - self.members - self.edge
            opened = await self._shared(near)
            self.edge |= opened
            waiting = near - opened

    async def _shared(self, subjects: Collection[str]) -> set[str]:
        """The surely shared among these; the events that show it are noted."""
        enough = self._shared_above + 1
        most = self._shared_above * len(KINDS) + 1
        shared = set()
        for row in await self._fetch(
            _SHARED, subjects, self._as_of, self._known_at, self._shared_above, most
        ):
            shared.add(row["subject"])
            events = zip(row["subjects"], row["events"], strict=True)
            self.witnesses.update(islice(events, enough))
        return shared

    async def _near(self, subjects: Collection[str], opened: Collection[str]) -> set[str]:
        """Whom these were seen or decided about with; from an opened one upwards nobody."""
        near = {row["other"] for row in await self._fetch(_DECIDED_WITH, subjects)}
        links = await self._fetch(_SEEN_WITH, subjects, self._known_at, LINKS + 1)
        if len(links) > LINKS:
            raise TooLarge(f"More than {LINKS:,} pairs")
        for subject, other, up in links:
            if up < 0 or (up > 0 and subject not in opened):
                near.add(other)
            if (up > 0 and subject not in opened) or (up == 0 and other < subject):
                self._holders.add((other, subject))
        return near

    async def _fetch(self, sql: str, subjects: Collection[str], *args: object) -> list[Any]:
        if not subjects:
            return []
        return await self._connection.fetch(in_schema(sql, self._schema), [*subjects], *args)


# A pair's own event is the first that reached us: where that is within the horizon, so is the pair.
# More rows than the limit allows for all kinds together leave one kind with more than its limit.
_SHARED = f"""
SELECT g.subject::text, s.subjects::text[], s.events::text[]
FROM unnest($1::uuid[]) g (subject) CROSS JOIN LATERAL (
    SELECT array_agg(event_subject) AS subjects, array_agg(event) AS events
    FROM (SELECT DISTINCT ON (p.stronger) p.stronger_rank, p.event_subject, p.event
          FROM {{s}}.pairs p
          WHERE p.weaker = g.subject AND p.stronger_rank > p.weaker_rank AND p.{COUNTS}
            AND ($2::timestamptz IS NULL OR EXISTS (
                SELECT FROM {{s}}.events e
                WHERE e.subject = p.event_subject AND e.event = p.event AND e.time <= $2))
            AND ($3::text IS NULL OR left(p.stamp, 27) <= $3)
          LIMIT $5) sure
    GROUP BY stronger_rank HAVING count(*) > $4
    ORDER BY count(*) DESC LIMIT 1) s
"""

# `up`: 1 where the other is of a stronger kind, -1 of a weaker, 0 of the same.
_SEEN_WITH = """
SELECT DISTINCT subject::text, other::text, sign(other_rank - rank)::int AS up FROM (
    SELECT weaker AS subject, weaker_rank AS rank, stronger AS other, stronger_rank AS other_rank
    FROM {s}.pairs
    WHERE weaker = ANY ($1::uuid[]) AND ($2::text IS NULL OR left(stamp, 27) <= $2)
    UNION ALL
    SELECT stronger, stronger_rank, weaker, weaker_rank
    FROM {s}.pairs
    WHERE stronger = ANY ($1::uuid[]) AND ($2::text IS NULL OR left(stamp, 27) <= $2)) p
LIMIT $3
"""

_DECIDED_WITH = """
SELECT stronger::text AS other FROM {s}.decisions WHERE weaker = ANY ($1::uuid[])
UNION
SELECT weaker::text FROM {s}.decisions WHERE stronger = ANY ($1::uuid[])
"""
