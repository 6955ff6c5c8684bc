"""One customer as a view would have it that had stopped at a moment: few events folded anew.

`as_of` leaves out what happened later, `known_at` what was recorded later. The profile's own fold,
resolver and queries do the rest, so that it equals a rebuild from those events alone.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from services.profile.identity import SHARED_ABOVE
from services.profile.inbound import MembershipBody
from services.profile.neighbourhood import Neighbourhood, TooLarge
from services.profile.queries.history import History, Horizon
from services.profile.scratch import TABLES, Scratch, scratch
from shared.database import Connection, Pool, in_schema
from shared.messages import Record
from shared.projection import Event, View

MOST = 20_000
"""Events that are folded for one customer, at most."""

ROUNDS = 20
"""How often the edge of a neighbourhood is opened, at most."""


@asynccontextmanager
async def customer_then(
    pool: Pool,
    view: View,
    schema: str,
    subject: str,
    horizon: Horizon,
    *,
    shared_above: int = SHARED_ABOVE,
) -> AsyncIterator[Connection]:
    """A connection on which the tables of `scratch.TABLES` tell all of a subject's customer then.

    Of others they tell little, and that little need not be true. Raises TooLarge.
    """
    async with scratch(pool, view) as made:
        past = _Past(made, view, schema, horizon, shared_above)
        await past.fold(subject)
        yield made.connection


class _Past:
    """The way from a subject to all events that its customer's rows are made of."""

    def __init__(
        self,
        made: Scratch,
        view: View,
        schema: str,
        horizon: Horizon,
        shared_above: int,
    ) -> None:
        self._made = made
        self._view = view
        self._near = Neighbourhood(made.connection, schema, horizon, shared_above)
        self._history = History(made.connection, schema, horizon, MOST + 1)
        self._shared_above = shared_above

    async def fold(self, subject: str) -> None:
        """Who belongs to the customer first, then the things that its events mention."""
        await self._add(await self._history.disowned())
        subjects = await self._belonging(subject)
        await self._add(await self._history.mentioning(subjects))
        await self._add(await self._history.leads(subjects))
        for organisation in await self._history.organisations(subjects):
            await self._name(*organisation)

    async def _belonging(self, subject: str) -> list[str]:
        """The subjects of the customer, with all events that say so."""
        opening = {subject}
        for _ in range(ROUNDS):
            await self._near.grow(opening)
            await self._add_neighbours()
            await self._made.resolve(self._shared_above)
            subjects = await subjects_of(self._made.connection, TABLES, subject)
            opening = self._near.edge.intersection(subjects)
            if not opening:
                return subjects
        raise TooLarge(f"More than {ROUNDS} shared identifiers")

    async def _add_neighbours(self) -> None:
        near, history = self._near, self._history
        await self._add(await history.of(near.members))
        await self._add(await history.naming(near.holders))
        await self._add(await history.named(near.witnesses))
        await self._add(await history.decisions(near.members))

    async def _name(self, namespace: str, number: str) -> None:
        """Fold the latest event that names an organisation, whoever's it is."""
        async with aclosing(self._history.of_organisation(namespace, number)) as records:
            async for record in records:
                if names_organisation(self._view.decode(record)):
                    await self._add([record])
                    return

    async def _add(self, records: Sequence[Record]) -> None:
        if self._made.events + len(records) > MOST:
            raise TooLarge(f"More than {MOST:,} events")
        await self._made.fold(records)


def names_organisation(event: Event) -> bool:
    """Whether the event gives its organisation a name."""
    body = event.body
    organisation = body.organisation if isinstance(body, MembershipBody) else None
    return organisation is not None and organisation.name is not None


async def subjects_of(connection: Connection, schema: str, subject: str) -> list[str]:
    """All subjects of the present customer of one, by what was resolved."""
    rows = await connection.fetch(in_schema(_SUBJECTS, schema), subject)
    return [row["subject"] for row in rows]


_SUBJECTS = """
WITH asked AS (
    SELECT coalesce((SELECT customer FROM {s}.identities WHERE subject = $1), $1) AS customer)
SELECT subject::text FROM {s}.identities i JOIN asked USING (customer)
UNION SELECT customer::text FROM asked
"""
