"""The law: views of partners and of memberships rebuilt from the log equal the live ones."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads import accounts, partners
from services.leads.accounts.decider import account_of
from services.leads.partners.commands import PutPartner
from services.leads.partners.decider import PARTNER, stream_of
from services.leads.partners.events import Release
from services.leads.partners.states import Partner
from shared import parking, schemas
from shared.comparing import Side, compare
from shared.database import Pool
from tests.leads.histories import History
from tests.leads.test_rebuilt_equals_live import HISTORIES, VIEW, _live, _rebuilt
from tests.records import at, record, subject

WHO = ("user:1", "user:2", "email:a@x")
SAID = st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 5))
"""Whether of a partner, which one or of whom, and how: a step of a history."""


class Told:
    """What is decided and told, and what that must come to."""

    def __init__(self) -> None:
        self.history = History()
        self.members: dict[tuple[str, str], tuple[str, str, bool]] = {}
        self._step = 0

    def say(self, of_partner: bool, which: int, how: int) -> None:
        self._step += 1
        (self._put if of_partner else self._member)(which, how)

    def _put(self, which: int, how: int) -> None:
        principal = f"partner:{which}"
        command = PutPartner(
            principal=principal,
            name=f'N\t{how} "\\',
            release=Release(fields=("a", "b")[: how % 3], notes=how > 3),
            price_list=(None, "gold")[how % 2],
            active=how != 4,
            at=at(self._step),
        )
        self.history.carry_out(PARTNER, stream_of(principal), command)

    def _member(self, which: int, how: int) -> None:
        acme: Any = {"namespace": "crm", "id": f"a{how % 2}", "name": "A" if how > 2 else None}
        made = record(
            *("membership.changed", WHO[which]),
            id=f"m{self._step}",
            seconds=7 * self._step % 20,
            organisation=acme,
            role=f"r{how}",
            member=how != 3,
        )
        self.history.records.append(made)
        where = account_of("crm", acme["id"]), subject(WHO[which])
        said = (VIEW.decode(made).envelope.stamp, f"r{how}", how != 3)
        self.members[where] = max(self.members.get(where, ("", "", False)), said)


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=10, max_size=40), st.lists(st.integers(0, 99), max_size=4), st.data()
)
async def test_partners_and_memberships_rebuilt_equal_the_live_ones_and_what_was_said(
    pool: Pool, said: list[tuple[bool, int, int]], again: list[int], drawn: st.DataObject
) -> None:
    told = Told()
    for step in said:
        told.say(*step)
    lanes = told.history.lanes(again)
    live, rebuilt = await _live(pool, lanes, drawn), await _rebuilt(pool, lanes, drawn)
    async with pool.acquire() as ours, pool.acquire() as theirs:
        sides = Side(ours, live.name), Side(theirs, rebuilt.name)
        for table in (*partners.PART.tables, *accounts.PART.tables):
            found = await compare(*sides, VIEW.metadata.tables[table.name])
            assert found.differences == [], table.name
        assert await parking.parked(pool, live.name) == []
        rows = await ours.fetch(
            "SELECT account::text, person::text, stamp, role, member"
            f" FROM {live.name}.account_members"
        )
        assert {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows} == told.members
        rows = await ours.fetch(
            "SELECT principal, name, price_list, release, active, version"
            f" FROM {live.name}.partners"
        )
    states = [told.history.states.get(stream_of(f"partner:{n}")) for n in range(3)]
    assert {tuple(row)[:5] for row in rows} == {
        (
            *(each.principal, each.name, each.price_list),
            *(msgspec.json.encode(each.release).decode(), each.active),
        )
        for each in states
        if isinstance(each, Partner)
    }
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)
