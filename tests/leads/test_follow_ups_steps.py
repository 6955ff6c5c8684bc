"""Follow-ups: what becomes of steps, and who is claimed meanwhile."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.leads.events import LeadAssigned
from services.leads.follow_ups.commands import (
    FinishStep,
    Interact,
    PostponeStep,
    Remind,
    SkipStep,
)
from services.leads.follow_ups.decider import FOLLOW_UP
from services.leads.follow_ups.events import (
    FollowUpEnded,
    FollowUpHandedOver,
    StepBecameOverdue,
    StepDone,
    StepFellDue,
    StepPostponed,
    StepSkipped,
)
from services.leads.follow_ups.states import Followed
from shared.decider import Claim
from tests.leads.examples import JANE, ME, OTHER
from tests.leads.following import (
    CARE,
    DAY,
    HOUR,
    by_hand,
    lead,
    numbers,
    playbook,
    started,
)
from tests.leads.given import Given, given
from tests.records import at

CALL_DUE, WRITE_DUE = 1 + 2 * HOUR, 1 + 2 * DAY
DUE = StepFellDue(1, at(CALL_DUE), at(CALL_DUE + DAY), "7", at=at(CALL_DUE + 1))
DONE = StepDone(1, "e-12", OTHER, "call.placed", at=at(9))
SCOPE = f"follow-ups/sales/{ME}"


def following(*events: Any) -> Given:
    return given(FOLLOW_UP, *events)


def state(*events: Any) -> Followed:
    found = following(started(), *events).state
    assert isinstance(found, Followed)
    return found


# --- moments


def remind(step: int = 1, moment: str = at(CALL_DUE), seconds: float = CALL_DUE + 1) -> Remind:
    return Remind(step=step, moment=moment, at=at(seconds))


def test_a_step_falls_due_and_then_becomes_overdue() -> None:
    following(started()).when(remind()).then(DUE)
    later = CALL_DUE + DAY
    overdue = StepBecameOverdue(1, at(later), "7", at=at(later))
    following(started(), DUE).when(remind(1, at(later), later)).then(overdue)
    assert [each.state for each in state(DUE, overdue).pending] == ["overdue", "pending", "pending"]


def test_a_moment_that_nobody_waits_for_is_no_news() -> None:
    following().when(remind()).then_nothing()
    following(started(), DUE).when(remind()).then_nothing()
    following(started(), DONE).when(remind()).then_nothing()
    following(started()).when(remind(moment=at(5))).then_nothing()
    following(started()).when(remind(moment=at(CALL_DUE + DAY))).then_nothing()
    following(started()).when(remind(9)).then_nothing()


def test_the_reminder_names_who_owns_the_lead_then() -> None:
    over = FollowUpHandedOver("8", "7", at=at(5))
    following(started(), over).when(remind()).then(replace(DUE, owner="8"))


# --- done by an interaction


def interact(type_: str = "call.placed", seconds: float = 9, **changes: Any) -> Interact:
    return Interact(type=type_, interaction=OTHER, at=at(seconds), **({"by": "e-12"} | changes))


@pytest.mark.parametrize("type_", ["call.placed", "call.received"])
def test_a_call_completes_the_step_to_call(type_: str) -> None:
    following(started()).when(interact(type_)).then(replace(DONE, type=type_))


def test_also_once_it_is_due_or_overdue() -> None:
    late = interact(seconds=CALL_DUE + DAY + 5)
    overdue = StepBecameOverdue(1, at(CALL_DUE + DAY), "7", at=at(CALL_DUE + DAY))
    expected = replace(DONE, at=at(CALL_DUE + DAY + 5))
    following(started(), DUE).when(late).then(expected)
    following(started(), DUE, overdue).when(late).then(expected)


def test_what_is_of_another_kind_completes_nothing() -> None:
    following(started()).when(interact("visit.made")).then_nothing()
    following().when(interact()).then_nothing()


def test_the_earliest_of_those_that_it_completes_is_done() -> None:
    late = interact(seconds=6 * DAY)
    following(started()).when(late).then(replace(DONE, at=at(6 * DAY)))
    following(started(), DONE).when(late).then(
        StepDone(3, "e-12", OTHER, "call.placed", at=late.at)
    )


def test_a_second_call_at_once_is_not_the_one_of_next_week() -> None:
    following(started(), DONE).when(interact(seconds=20)).then_nothing()
    turn = interact(seconds=WRITE_DUE)
    expected = StepDone(3, "e-12", OTHER, "call.placed", at=turn.at)
    following(started(), DONE).when(turn).then(expected)


def test_what_happened_before_it_started_completes_nothing() -> None:
    following(started(10)).when(interact(seconds=9)).then_nothing()


def test_a_step_may_name_what_completes_it() -> None:
    visit = replace(CARE.steps[0], completed_by=("store.visited",))
    [event] = FOLLOW_UP.decide(
        FOLLOW_UP.initial, by_hand(playbook=playbook(care=replace(CARE, steps=(visit,))))
    )
    following(event).when(interact("visit.made", 20 * DAY)).then_nothing()
    done = StepDone(1, "e-12", OTHER, "store.visited", at=at(20 * DAY))
    following(event).when(interact("store.visited", 20 * DAY)).then(done)


# --- done, skipped, put off by hand


def finish(step: int = 1, **changes: Any) -> FinishStep:
    wanted: dict[str, Any] = {"by": "representative:7", "at": at(9)}
    return FinishStep(step=step, **(wanted | changes))


def test_any_step_is_done_by_hand_at_any_time() -> None:
    expected = StepDone(3, "representative:7", note="She called.", at=at(9))
    following(started()).when(finish(3, note="She called.")).then(expected)


def test_done_twice_is_no_news_and_what_is_over_is_not_done() -> None:
    following(started(), DONE).when(finish()).then_nothing()
    skipped = StepSkipped(1, "no", at=at(5))
    following(started(), skipped).when(finish()).refused("step_settled")
    following(started(), skipped).when(SkipStep(step=1, reason="no", at=at(9))).then_nothing()


@pytest.mark.parametrize("step", [0, 4])
def test_of_a_step_that_is_not_there_nothing_is_done(step: int) -> None:
    following(started()).when(finish(step)).refused("unknown_step")
    following().when(finish(step)).refused("unknown_step")


def test_to_skip_needs_a_reason() -> None:
    skip = SkipStep(step=2, reason="She wrote already.", at=at(9))
    following(started()).when(skip).then(StepSkipped(2, "She wrote already.", at=at(9)))
    blank = SkipStep(step=2, reason=" ", at=at(9))
    following(started()).when(blank).refused("blank", "/reason")


def test_a_step_is_put_off_with_its_time_of_grace() -> None:
    command = PostponeStep(step=3, due=at(9 * DAY), reason="On holiday.", at=at(9))
    expected = StepPostponed(
        *(3, at(9 * DAY), at(11 * DAY), at(1 + 5 * DAY), "On holiday."), at=at(9)
    )
    following(started()).when(command).then(expected)


def test_one_that_was_due_waits_again() -> None:
    command = PostponeStep(step=1, due=at(9 * DAY), at=at(CALL_DUE + 9))
    [event] = FOLLOW_UP.decide(state(DUE), command)
    found = state(DUE, event)
    assert numbers(found.pending) == [2, 3, 1]
    assert found.pending[2].state == "pending"
    following(started(), DUE, event).when(remind(1, at(CALL_DUE + DAY))).then_nothing()
    again = StepFellDue(1, at(9 * DAY), at(10 * DAY), "7", at=at(9 * DAY))
    following(started(), DUE, event).when(remind(1, at(9 * DAY), 9 * DAY)).then(again)


@pytest.mark.parametrize(
    ("due", "code"),
    [
        (at(8), "past"),
        (at(9), "past"),
        ("2999-01-01T00:00:00.000000Z", "too_far"),
        ("2026-01-31", "moment"),
        ("2026-02-30T00:00:00.000000Z", "moment"),
    ],
)
def test_it_is_put_off_to_a_moment_to_come(due: str, code: str) -> None:
    command = PostponeStep(step=1, due=due, at=at(9))
    following(started()).when(command).refused(code, "/due")


def test_put_off_to_when_it_is_due_is_no_news() -> None:
    command = PostponeStep(step=1, due=at(CALL_DUE), at=at(9))
    following(started()).when(command).then_nothing()
    following(started(), DONE).when(command).refused("step_settled")


# --- claims


def test_while_something_is_to_be_done_the_customer_is_claimed() -> None:
    claims = FOLLOW_UP.claims
    assert claims(FOLLOW_UP.initial) == frozenset()
    assert claims(state()) == {Claim(SCOPE, JANE)}
    assert claims(state(DONE)) == {Claim(SCOPE, JANE)}
    assert claims(state(FollowUpEnded("won", (1, 2, 3), at=at(5)))) == frozenset()


def test_of_what_is_over_the_latest_is_kept() -> None:
    events: list[Any] = []
    for n in range(40):
        first = 3 * n + 1
        events += [
            started(n, first=first),
            FollowUpEnded("again", (first, first + 1, first + 2), at=at(n)),
        ]
    found = following(*events).state
    assert isinstance(found, Followed)
    assert (found.steps, len(found.settled), found.settled[-1].step) == (120, 100, 120)


def test_the_owner_is_the_one_of_the_last_that_was_begun() -> None:
    known = lead(LeadAssigned("8", "ill", "7", at=at(2)))
    [event] = FOLLOW_UP.decide(state(), by_hand(known=known))
    assert state(event).owner == "8"
