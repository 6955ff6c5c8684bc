"""Which records of the log one customer's rows come from, by what a view says of it.

The view may be wrong, that is why one asks: so the same is looked up again in what was folded from
these records, until nothing new is found.
"""

from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass, field

from services.profile.inbound import Body, DecisionBody, DisownedBody, LeadBody
from services.profile.neighbourhood import Neighbourhood, Two
from services.profile.past import names_organisation, subjects_of
from services.profile.queries.history import History, Horizon
from shared.comparing import Side
from shared.database import in_schema
from shared.projection import Event, View

SUBJECTS = 10_000
"""Identifiers that decide one customer, at most."""


@dataclass
class Scope:
    """What to look for. `subjects`: the customer's; `members`: those that decide who they are.

    Of `members` every event counts that names one, wherever it stands; it stands under one of
    `keys`. Of others only those `named`: (subject, event).
    """

    subjects: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    named: set[Two] = field(default_factory=set)

    def has(self, event: Event) -> bool:
        """Whether an event is one of those."""
        envelope = event.envelope
        if envelope.partitionkey in self.members:
            return True
        if (envelope.partitionkey, envelope.event) in self.named:
            return True
        body = event.body
        if isinstance(body, DisownedBody):
            return True
        if body is None or isinstance(body, LeadBody):
            return False
        assert isinstance(body, Body | DecisionBody)
        return any(one.subject in self.members and not one.claim for one in body.identifiers)

    def add(self, other: "Scope") -> bool:
        """Look for this too; whether any of it is new."""
        before = self._size
        self.subjects |= other.subjects
        self.members |= other.members
        self.keys |= other.keys
        self.named |= other.named
        return self._size > before

    @property
    def _size(self) -> int:
        return len(self.subjects) + len(self.members) + len(self.keys) + len(self.named)


async def scope_of(side: Side, live: Side, view: View, subject: str) -> Scope:
    """What a side says that the customer of a subject comes from; its things by the live view.

    Raises TooLarge.
    """
    subjects = {*await subjects_of(side.connection, side.schema, subject)}
    near = Neighbourhood(side.connection, side.schema, Horizon(), most=SUBJECTS)
    await near.grow(subjects)
    while shut := near.edge & subjects:
        await near.grow(shut)
    found = Scope(subjects, near.members)
    found.named = near.witnesses | await _mentioning(side, live, subjects)
    found.named |= await _naming(side, live, view, subjects)
    found.keys = near.members | near.edge | {holder for holder, _ in near.holders}
    found.keys |= {key for key, _ in found.named} | await _above(side, subjects)
    return found


async def _mentioning(side: Side, live: Side, subjects: Collection[str]) -> set[Two]:
    """Events about the things that are the customer's, or that its events mention."""
    things = await side.connection.fetch(in_schema(_THINGS, side.schema), [*subjects])
    columns = [[row[n] for row in things] for n in range(3)]
    rows = await live.connection.fetch(in_schema(_MENTIONS, live.schema), *columns)
    return {(row["subject"], row["event"]) for row in rows}


async def _naming(side: Side, live: Side, view: View, subjects: Collection[str]) -> set[Two]:
    """Of each organisation that is or was the customer's, the latest event that names it."""
    named: set[Two] = set()
    history = History(live.connection, live.schema, Horizon(), 1)
    for row in await side.connection.fetch(in_schema(_ORGANISATIONS, side.schema), [*subjects]):
        async with aclosing(history.of_organisation(*row)) as records:
            async for record in records:
                event = view.decode(record)
                if names_organisation(event):
                    named.add((event.envelope.partitionkey, event.envelope.event))
                    break
    return named


async def _above(side: Side, subjects: Collection[str]) -> set[str]:
    """Under whom else events and decisions may stand that name one of these, shared or not."""
    rows = await side.connection.fetch(in_schema(_ABOVE, side.schema), [*subjects])
    return {row["key"] for row in rows}


_THINGS = """
SELECT kind, namespace, number FROM {s}.mentions
WHERE subject = ANY ($1::uuid[]) AND kind <> 'organisation'
UNION SELECT 'order', namespace, number FROM {s}.orders WHERE subject = ANY ($1::uuid[])
UNION SELECT 'subscription', namespace, number
      FROM {s}.subscriptions WHERE subject = ANY ($1::uuid[])
UNION SELECT 'product', namespace, number FROM {s}.products WHERE subject = ANY ($1::uuid[])
UNION SELECT 'consent', channel, address FROM {s}.consents WHERE subject = ANY ($1::uuid[])
"""

_MENTIONS = """
SELECT m.subject::text, m.event::text
FROM unnest($1::text[], $2::text[], $3::text[]) g (kind, namespace, number)
JOIN {s}.mentions m USING (kind, namespace, number)
"""

_ORGANISATIONS = """
SELECT DISTINCT namespace, number FROM {s}.memberships WHERE subject = ANY ($1::uuid[])
"""

_ABOVE = """
SELECT stronger::text AS key FROM {s}.pairs WHERE weaker = ANY ($1::uuid[])
UNION SELECT weaker::text FROM {s}.pairs
      WHERE stronger = ANY ($1::uuid[]) AND weaker_rank = stronger_rank
UNION SELECT event_subject::text FROM {s}.disowned
UNION SELECT d.subject::text FROM {s}.decided d
      WHERE EXISTS (SELECT FROM unnest($1::uuid[]) s (subject)
                    WHERE strpos(d.data, s.subject::text) > 0)
"""
