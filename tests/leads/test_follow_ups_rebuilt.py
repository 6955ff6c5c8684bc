"""The law: follow-ups rebuilt from the log equal the live ones, and what was decided."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.leads.decider import LEAD
from services.leads.follow_ups import projections
from services.leads.follow_ups.commands import (
    CancelAppointment,
    EndFollowUps,
    FinishStep,
    HandOver,
    Interact,
    KeepAppointment,
    MakeAppointment,
    MoveAppointment,
    PostponeStep,
    ReachStage,
    Remind,
    SkipStep,
    StartSequence,
    UseTactic,
)
from services.leads.follow_ups.decider import FOLLOW_UP
from services.leads.follow_ups.decider.follow_up import stream_of
from services.leads.follow_ups.states import Followed
from shared import parking, schemas
from shared.clock import rfc3339
from shared.comparing import Side, compare
from shared.database import Connection, Pool
from shared.ids import event_id
from tests.leads.examples import OTHER
from tests.leads.following import DAY, FIRST, playbook
from tests.leads.histories import LEADS, History
from tests.leads.test_rebuilt_equals_live import HISTORIES, VIEW, _live, _rebuilt
from tests.records import at

BOOK = playbook(first=FIRST, care=replace(FIRST, starts=(), ends="closed"))
SAID = st.tuples(
    st.sampled_from(
        [
            *("reach", "start", "start", "remind", "remind", "remind", "interact", "finish"),
            *("skip", "postpone", "hand over", "end", "make", "make", "move", "cancel", "keep"),
            "tactic",
        ]
    ),
    st.integers(0, 1),
    st.integers(0, 5),
)
"""What, about which lead, and how: a step of a history."""


class Told:
    """What is decided of following up two leads."""

    def __init__(self) -> None:
        self.history = History()
        self._step = 0
        for number in range(2):
            self.say("reach", number, 0)

    def say(self, what: str, lead: int, how: int) -> None:
        self._step += 1
        stream = stream_of(LEADS[lead])
        self.history.carry_out(FOLLOW_UP, stream, self._command(what, lead, how))

    @property
    def states(self) -> list[Followed]:
        found = (self.history.states.get(stream_of(lead)) for lead in LEADS[:2])
        return [state for state in found if isinstance(state, Followed)]

    def _command(self, what: str, number: int, how: int) -> Any:
        lead, now = LEADS[number], at(self._step * 3600)
        about: dict[str, Any] = {
            "lead": lead,
            "known": self.history.states.get(lead, LEAD.initial),
            "playbook": BOOK,
            "at": now,
        }
        step, meeting = how + 1, event_id(lead, f"{how}")
        times: dict[str, Any] = {"since": at(9 * DAY + how), "until": at(9 * DAY + how + 9)}
        made: dict[str, Any] = {
            "reach": lambda: ReachStage(stage="new", begins=True, recorded=now, **about),
            "start": lambda: StartSequence(sequence=["first", "care"][how % 2], **about),
            "remind": lambda: self._remind(lead, how, now),
            "interact": lambda: Interact(
                type=["call.placed", "email.sent"][how % 2], interaction=OTHER, at=now, by="\te'"
            ),
            "finish": lambda: FinishStep(step=step, by="7", note='"\\' * how, at=now),
            "skip": lambda: SkipStep(step=step, reason="so", at=now),
            "postpone": lambda: PostponeStep(step=step, due=at(20 * DAY + how), at=now),
            "hand over": lambda: HandOver(owner=f"{how}", at=now),
            "end": lambda: EndFollowUps(reason="over", at=now),
            "make": lambda: MakeAppointment(
                appointment=meeting,
                lead=lead,
                known=about["known"],
                title="M\n",
                place=["", "P"][how % 2],
                at=now,
                **times,
            ),
            "move": lambda: MoveAppointment(appointment=meeting, since=at(9 * DAY - how), at=now),
            "cancel": lambda: CancelAppointment(appointment=meeting, reason="r", at=now),
            "keep": lambda: KeepAppointment(appointment=meeting, at=at(10 * DAY)),
            "tactic": lambda: UseTactic(
                tactic="samples", objection=[None, "too dear"][how % 2], **about
            ),
        }
        return made[what]()

    def _remind(self, lead: str, how: int, now: str) -> Remind:
        """Of a step that waits for its next moment, where there is one."""
        state = self.history.states.get(stream_of(lead))
        pending = state.pending if isinstance(state, Followed) else ()
        if not pending:
            return Remind(step=1, moment=now, at=now)
        step = pending[how % len(pending)]
        moment = step.due if step.state == "pending" else step.overdue
        return Remind(step=step.step, moment=moment, at=now)


async def _rows(connection: Connection, schema: str, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(sql.replace("{s}", schema))]


_STEPS = """
SELECT follow_up::text, step, state, lead::text, title, reason, by, interaction::text,
       settled IS NOT NULL FROM {s}.steps ORDER BY 1, 2
"""
_TIMES = """
SELECT follow_up::text, step, due, overdue FROM {s}.steps
WHERE state IN ('pending', 'due', 'overdue') ORDER BY 1, 2
"""
_AWAITED = """
SELECT stream::text, name, due FROM {s}.steps_awaited WHERE due IS NOT NULL ORDER BY 1, 2
"""
_BOOKED = """
SELECT appointment::text, title, place FROM {s}.appointments WHERE state = 'booked' ORDER BY 1
"""


def _spelt(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        tuple(rfc3339(each) if hasattr(each, "isoformat") else each for each in row) for row in rows
    ]


def _steps(told: Told) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for state in told.states:
        stream = stream_of(state.lead)
        found += [
            (stream, each.step, each.state, state.lead, each.title, None, None, None, False)
            for each in state.pending
        ]
        for each in state.settled:
            by = "service:app" if each.state == "skipped" else each.by
            rest = (each.title, each.reason or None, by, each.interaction, True)
            found.append((stream, each.step, each.state, state.lead, *rest))
    return sorted(found)


def _awaited(told: Told) -> list[tuple[Any, ...]]:
    return sorted(
        (
            stream_of(state.lead),
            projections.moment_of(each.step),
            each.due if each.state == "pending" else each.overdue,
        )
        for state in told.states
        for each in state.pending
        if each.state != "overdue"
    )


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=10, max_size=50), st.lists(st.integers(0, 99), max_size=4), st.data()
)
async def test_follow_ups_rebuilt_from_the_log_equal_the_live_ones_and_what_was_decided(
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
        assert await _rows(ours, live.name, _STEPS) == _steps(told)
        assert _spelt(await _rows(ours, live.name, _TIMES)) == sorted(
            (stream_of(state.lead), each.step, each.due, each.overdue)
            for state in told.states
            for each in state.pending
        )
        assert _spelt(await _rows(ours, live.name, _AWAITED)) == _awaited(told)
        booked = sorted(
            (each.appointment, each.title, each.place)
            for state in told.states
            for each in state.booked
        )
        assert await _rows(ours, live.name, _BOOKED) == booked
    assert await parking.parked(pool, live.name) == []
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)
