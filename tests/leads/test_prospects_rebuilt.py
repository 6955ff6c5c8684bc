"""The law: prospects rebuilt from the log equal the live ones, and what was decided."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.decider import LEAD
from services.leads.prospects import projections
from services.leads.prospects.commands import (
    BarProspect,
    BringBack,
    CallUp,
    CloseList,
    DefineList,
    DescribeProspect,
    DropProspect,
    KeepProspect,
    NoteFilled,
    NoticeLead,
    PromoteProspect,
    PutOffProspect,
    ReleaseProspect,
    UnlistProspect,
)
from services.leads.prospects.decider import PROSPECT, TARGET_LIST
from services.leads.prospects.decider.knowing import stream_of
from services.leads.prospects.decider.lists import stream_of as stream_of_list
from services.leads.prospects.events import Return
from services.leads.prospects.states import (
    Absent,
    Barred,
    Closed,
    Dropped,
    List,
    Prospect,
    Ruled,
    TargetList,
    Waiting,
)
from shared import parking, schemas
from shared.clock import rfc3339
from shared.comparing import Side, compare
from shared.database import Connection, Pool
from tests.leads.examples import LOST, ME, captured
from tests.leads.histories import WHO, History
from tests.leads.test_rebuilt_equals_live import HISTORIES, VIEW, _live, _rebuilt
from tests.records import at

LISTS = ("spring", "autumn", "winter")
LEAD_LOST = LEAD.fold([captured(fields={"seats": 2}), LOST])
RULES = Ruled(1, (Return("price", 1, promote=True),))
SAID = st.tuples(
    st.sampled_from(
        [
            *("keep", "keep", "keep", "describe", "put off", "put off", "call up", "call up"),
            *("bar", "release", "promote", "notice", "drop", "unlist", "lost"),
            *("define", "fill", "fill", "close"),
        ]
    ),
    st.integers(0, 2),
    st.integers(0, 5),
)
"""What, about which prospect or list, and how: a step of a history."""


class Told:
    """What is decided about three prospects and as many lists."""

    def __init__(self) -> None:
        self.history = History()
        self._step = 0
        self.say("keep", 0, 1)
        self.say("define", 0, 1)

    def say(self, what: str, which: int, how: int) -> None:
        self._step += 1
        if what in ("define", "fill", "close"):
            stream = stream_of_list(LISTS[which])
            self.history.carry_out(TARGET_LIST, stream, self._on_list(what, which, how))
        else:
            stream, command = stream_of(WHO[which]), self._on_prospect(what, which, how)
            if what not in ("keep", "bar") and stream not in self.history.states:
                return  # its partition key is that of its first subject
            self.history.carry_out(PROSPECT, stream, command)

    def prospects(self) -> dict[str, Prospect]:
        found = {stream_of(who): self.history.states.get(stream_of(who)) for who in WHO}
        return {each: state for each, state in found.items() if state not in (None, Absent())}

    def lists(self) -> dict[str, List]:
        found = {name: self.history.states.get(stream_of_list(name)) for name in LISTS}
        return {
            name: state for name, state in found.items() if isinstance(state, TargetList | Closed)
        }

    def _on_list(self, what: str, which: int, how: int) -> Any:
        now, state = at(self._step), self.history.states.get(stream_of_list(LISTS[which]))
        filters = {"orders_gte": "1"} if how else {}
        if what == "define":
            return DefineList(name=LISTS[which], purpose="P '\"\\", filters=filters, at=now)
        if what == "close":
            return CloseList(reason="over" if how > 4 else "", at=now)
        after = state.cursor if isinstance(state, TargetList) else None
        cursor = f"c{self._step}" if how else None
        return NoteFilled(after=after, seen=how + 1, kept=how, cursor=cursor, at=now)

    def _on_prospect(self, what: str, which: int, how: int) -> Any:
        now, state = at(self._step), self.history.states.get(stream_of(WHO[which]))
        planned = getattr(getattr(state, "person", None), "come_back", None)
        come_back = at(self._step + how * 7) if how % 2 else None
        made: dict[str, Any] = {
            "keep": lambda: KeepProspect(
                subject=WHO[which],
                name=f"N\t{how}" if how else "",
                organisation=[None, "O"][how % 2],
                source=f"/s/{how}",
                fields={f"f{how}": how, "same": "'\"\\"},
                come_back=come_back,
                list=[None, *LISTS][how % 4],
                at=now,
            ),
            "describe": lambda: DescribeProspect(
                name=f"D{how}", organisation=[None, "X"][how % 2], fields={"same": None}, at=now
            ),
            "put off": lambda: PutOffProspect(come_back=come_back, at=now),
            "call up": lambda: CallUp(due=planned or now, at=now),
            "bar": lambda: BarProspect(subject=WHO[which], reason=f"r{how}", at=now),
            "release": lambda: ReleaseProspect(reason="r", at=now),
            "promote": lambda: PromoteProspect(lead=ME, pipeline="sales", at=now),
            "notice": lambda: NoticeLead(lead=ME, pipeline="sales", at=now),
            "drop": lambda: DropProspect(reason=f"d{how}", at=now),
            "unlist": lambda: UnlistProspect(list=LISTS[how % 3], at=now),
            "lost": lambda: BringBack(id=ME, lead=LEAD_LOST, rules=RULES, at=now),
        }
        return made[what]()


async def _rows(connection: Connection, schema: str, sql: str) -> list[tuple[Any, ...]]:
    rows = await connection.fetch(sql.replace("{s}", schema))
    return [
        tuple(rfc3339(each) if hasattr(each, "isoformat") else each for each in row) for row in rows
    ]


_PROSPECTS = """
SELECT p.prospect::text, p.subject::text, p.state, p.reason, p.name, p.organisation,
       p.come_back, p.state = 'waiting' AND p.due IS NOT NULL, p.lead::text,
       coalesce((SELECT json_object_agg(f.name, f.value::json) FROM {s}.prospect_fields f
                 WHERE f.prospect = p.prospect AND f.value IS NOT NULL)::text, '{}'),
       ARRAY(SELECT t.list FROM {s}.prospect_lists t
             WHERE t.prospect = p.prospect AND t.there ORDER BY t.list)
FROM {s}.prospects p ORDER BY 1
"""
_DUE = "SELECT stream::text, due FROM {s}.prospect_due WHERE due IS NOT NULL ORDER BY 1"
_LISTS = (
    "SELECT name, seen, kept, steps, cursor, closed IS NOT NULL FROM {s}.target_lists ORDER BY 1"
)


def _prospect(id: str, state: Any) -> tuple[Any, ...]:
    person = state.person
    reason = state.reason if isinstance(state, Barred | Dropped) else None
    due = isinstance(state, Waiting) and person.due
    stands = (type(state).__name__.lower(), reason, person.name or None, person.organisation)
    rest = (person.come_back, due, person.lead, person.fields, sorted(person.lists))
    return (id, person.subject, *stands, *rest)


def _list(name: str, state: List) -> tuple[Any, ...]:
    found = state.was if isinstance(state, Closed) else state
    assert isinstance(found, TargetList)
    steps = (found.seen, found.kept, found.steps, found.cursor)
    return (name, *steps, isinstance(state, Closed))


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=10, max_size=50), st.lists(st.integers(0, 99), max_size=4), st.data()
)
async def test_prospects_rebuilt_from_the_log_equal_the_live_ones_and_what_was_decided(
    pool: Pool, said: list[tuple[str, int, int]], again: list[int], drawn: st.DataObject
) -> None:
    told = Told()
    for step in said:
        told.say(*step)
    lanes = told.history.lanes(again)
    live, rebuilt = await _live(pool, lanes, drawn), await _rebuilt(pool, lanes, drawn)
    async with pool.acquire() as ours, pool.acquire() as theirs:
        sides = Side(ours, live.name), Side(theirs, rebuilt.name)
        for table in projections.TABLES:
            found = await compare(*sides, VIEW.metadata.tables[table.name])
            assert found.differences == [], table.name
        rows = await _rows(ours, live.name, _PROSPECTS)
        prospects = told.prospects()
        assert [
            (*row[:4], row[4] or None, *row[5:9], msgspec.json.decode(row[9]), row[10])
            for row in rows
        ] == [_prospect(id, prospects[id]) for id in sorted(prospects)]
        assert await _rows(ours, live.name, _DUE) == [
            (id, prospects[id].person.come_back)  # type: ignore[union-attr]
            for id in sorted(prospects)
            if isinstance(state := prospects[id], Waiting)
            and state.person.come_back is not None
            and not state.person.due
        ]
        lists = told.lists()
        assert await _rows(ours, live.name, _LISTS) == [_list(n, lists[n]) for n in sorted(lists)]
    assert await parking.parked(pool, live.name) == []
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)
