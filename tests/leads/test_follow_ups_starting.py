"""Follow-ups: how sequences start, by stages and by hand, and how they end."""

from typing import Any

from msgspec.structs import replace

from services.leads.follow_ups.commands import (
    EndFollowUps,
    HandOver,
)
from services.leads.follow_ups.decider import FOLLOW_UP
from services.leads.follow_ups.events import (
    FollowUpEnded,
    FollowUpHandedOver,
    FollowUpStarted,
    Planned,
    SequenceRetired,
    Start,
    StepDone,
    StepFellDue,
)
from services.leads.follow_ups.states import Followed
from tests.leads.examples import JANE, LOST, ME, MOVED, OTHER, WON
from tests.leads.following import (
    DAY,
    FIRST,
    HOUR,
    by_hand,
    lead,
    planned,
    playbook,
    reach,
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


# --- by itself


def test_a_sequence_starts_with_the_stage_that_it_is_for() -> None:
    following().when(reach()).then(started())


def test_a_step_is_due_so_long_after_the_start_and_its_turn_comes_with_the_one_before() -> None:
    call, write, again = planned(1)
    assert [each.due for each in (call, write, again)] == [
        at(1 + 2 * HOUR),
        at(1 + 2 * DAY),
        at(1 + 5 * DAY),
    ]
    assert [each.since for each in (call, write, again)] == [at(1), call.due, write.due]
    assert [each.overdue for each in (call, again)] == [
        at(1 + 2 * HOUR + DAY),
        at(1 + 7 * DAY),
    ]


def test_other_stages_start_nothing() -> None:
    following().when(reach("contacted")).then_nothing()


def test_one_without_a_stage_starts_when_the_lead_begins_and_then_alone() -> None:
    book = playbook(any=replace(FIRST, starts=(Start("sales"),), ends="closed"))
    following().when(reach(playbook=book)).then(started(sequence="any", stage=None))
    following().when(reach("contacted", playbook=book)).then_nothing()


def test_one_may_be_for_leads_of_a_source() -> None:
    def book(source: str) -> Any:
        return playbook(web=replace(FIRST, starts=(Start(source=source),)))

    following().when(reach(playbook=book("/web/"))).then(started(sequence="web"))
    following().when(reach(playbook=book("/web/other"))).then_nothing()


def test_all_of_a_start_must_hold_and_any_of_several() -> None:
    no, yes = Start("partner", "new"), Start("sales", "new", "/web/shop")
    following().when(reach(playbook=playbook(first=replace(FIRST, starts=(no,))))).then_nothing()
    book = playbook(first=replace(FIRST, starts=(no, yes)))
    following().when(reach(playbook=book)).then(started())


def test_one_that_goes_on_is_not_started_again_and_one_that_is_over_is() -> None:
    following(started()).when(reach(seconds=5)).then_nothing()
    over = FollowUpEnded("left", (1, 2, 3), at=at(4))
    following(started(), over).when(reach(seconds=5)).then(started(5, first=4))


def test_several_start_at_once_with_numbers_of_their_own() -> None:
    book = playbook(first=FIRST, second=FIRST)
    expected = started(), started(sequence="second", steps=planned(1, first=4))
    following().when(reach(playbook=book)).then(*expected)


def test_a_retired_one_starts_no_more_and_what_was_started_goes_on() -> None:
    book = playbook(SequenceRetired("first", at=at(0)))
    following().when(reach(playbook=book)).then_nothing()
    following(started()).when(reach(playbook=book)).then_nothing()


def test_a_lead_that_is_closed_by_now_starts_nothing() -> None:
    for end in (WON, LOST):
        following().when(reach(known=lead(end))).then_nothing()


def test_history_starts_nothing() -> None:
    following().when(reach(recorded=at(1 + 8 * DAY))).then_nothing()
    following().when(reach(recorded=at(1 + 6 * DAY))).then(started())


def test_a_lead_that_left_the_stage_meanwhile_starts_nothing_that_ends_with_it() -> None:
    following().when(reach(known=lead(MOVED))).then_nothing()
    book = playbook(first=replace(FIRST, ends="closed"))
    following().when(reach(known=lead(MOVED), playbook=book)).then(started(stage=None))


def test_more_than_a_lead_has_room_for_is_not_started() -> None:
    many = {f"s{n:02}": FIRST for n in range(40)}
    found = FOLLOW_UP.decide(FOLLOW_UP.initial, reach(playbook=playbook(**many)))
    assert len(found) == 33
    assert len(FOLLOW_UP.fold(found).pending) == 99  # type: ignore[union-attr]


# --- by hand


def test_any_sequence_is_started_by_hand() -> None:
    visit = Planned(
        *(1, "visit", "Visit them", "visit", at(2), at(2 + 10 * DAY), at(2 + 11 * DAY)),
        ("visit.made",),
    )
    expected = FollowUpStarted(*(ME, "sales", JANE, "care", 1, "by hand", (visit,), "7"), at=at(2))
    following().when(by_hand()).then(expected)


def test_one_that_ends_with_the_stage_is_for_the_present_one() -> None:
    command = by_hand("first", known=lead(MOVED))
    following().when(command).then(started(2, why="by hand", stage="contacted"))


def test_what_cannot_be_started_by_hand() -> None:
    following().when(by_hand("nothing")).refused("unknown_sequence", "/sequence")
    retired = playbook(SequenceRetired("care", at=at(0)))
    following().when(by_hand(playbook=retired)).refused("unknown_sequence", "/sequence")
    following(started()).when(by_hand("first")).refused("sequence_goes_on")
    following().when(by_hand(known=lead(WON))).refused("lead_won")


# --- the end


def test_a_lead_that_leaves_the_stage_needs_its_steps_no_more() -> None:
    ended = FollowUpEnded("the lead left new", (1, 2, 3), at=at(5))
    moved = reach("contacted", 5, known=lead(MOVED))
    following(started()).when(moved).then(ended)
    following(started(stage=None)).when(moved).then_nothing()


def test_only_what_is_still_to_be_done_is_off() -> None:
    ended = FollowUpEnded("the lead was won", (2, 3), at=at(20))
    end = EndFollowUps(reason="the lead was won", at=at(20))
    following(started(), DONE).when(end).then(ended)
    following(started(), DONE, ended).when(end).then_nothing()
    following().when(end).then_nothing()


def test_what_is_off_is_cancelled() -> None:
    found = state(DONE, FollowUpEnded("the lead was won", (2, 3), at=at(20)))
    assert found.pending == ()
    assert [(each.step, each.state, each.reason) for each in found.settled] == [
        (1, "done", ""),
        (2, "cancelled", "the lead was won"),
        (3, "cancelled", "the lead was won"),
    ]


def test_another_owner_takes_over_what_there_is_to_do() -> None:
    over = HandOver(owner="8", at=at(5))
    following(started()).when(over).then(FollowUpHandedOver("8", "7", at=at(5)))
    following(started(owner="8")).when(over).then_nothing()
    following().when(over).then_nothing()
    off = FollowUpEnded("won", (1, 2, 3), at=at(4))
    following(started(), off).when(over).then_nothing()
