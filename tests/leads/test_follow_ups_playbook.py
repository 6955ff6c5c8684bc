"""Follow-ups: the playbook, appointments, tactics, who may read a calendar."""

from typing import Any

import pytest
from msgspec.structs import replace

from services.leads.decider import PIPELINE
from services.leads.defaults import pipelines
from services.leads.follow_ups.commands import (
    CancelAppointment,
    DefineSequence,
    KeepAppointment,
    MakeAppointment,
    MoveAppointment,
    OpenCalendar,
    RetireSequence,
    RetireTactic,
    RevokeCalendar,
    UseTactic,
)
from services.leads.follow_ups.decider import CALENDARS, FOLLOW_UP, PLAYBOOK
from services.leads.follow_ups.decider.calendars import SCOPE, place_of
from services.leads.follow_ups.defaults import playbook as seeded
from services.leads.follow_ups.events import (
    AppointmentCancelled,
    AppointmentKept,
    AppointmentMade,
    AppointmentMoved,
    CalendarOpened,
    CalendarRevoked,
    FollowUpHandedOver,
    SequenceDefined,
    SequenceRetired,
    Start,
    Step,
    TacticDefined,
    TacticRetired,
    TacticUsed,
)
from services.leads.follow_ups.states import Calendars, Followed
from shared.decider import Claim
from tests.leads.examples import JANE, ME, MOVED, OTHER, RETIRED, WON, pipeline
from tests.leads.following import (
    DAY,
    FIRST,
    SAMPLES,
    STEPS,
    define,
    define_tactic,
    lead,
    playbook,
)
from tests.leads.given import given
from tests.records import at

DEFINED = SequenceDefined("first", 1, FIRST, at=at(1))

# --- sequences


def test_a_sequence_is_defined_and_changed() -> None:
    given(PLAYBOOK).when(define(FIRST)).then(DEFINED)
    other = replace(FIRST, title="Other")
    changed = SequenceDefined("first", 2, other, at=at(2))
    given(PLAYBOOK, DEFINED).when(define(other, seconds=2)).then(changed)
    given(PLAYBOOK, DEFINED).when(define(FIRST, seconds=2)).then_nothing()


def test_a_sequence_is_retired_and_taken_up_again() -> None:
    retired = SequenceRetired("first", "old", at=at(2))
    retire = RetireSequence(name="first", reason="old", at=at(2))
    given(PLAYBOOK, DEFINED).when(retire).then(retired)
    given(PLAYBOOK, DEFINED, retired).when(retire).then_nothing()
    given(PLAYBOOK).when(retire).refused("unknown_sequence")
    again = SequenceDefined("first", 3, FIRST, at=at(3))
    given(PLAYBOOK, DEFINED, retired).when(define(FIRST, seconds=3)).then(again)


_CALL = STEPS[0]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"title": " "}, "blank", "/title"),
        ({"steps": ()}, "no_steps", "/steps"),
        ({"steps": (_CALL,) * 2}, "duplicate", "/steps/1/id"),
        ({"steps": (STEPS[1], STEPS[0])}, "not_in_order", "/steps/1"),
        ({"steps": tuple(replace(_CALL, id=f"s{n}") for n in range(31))}, "out_of_range", "/steps"),
        ({"steps": (replace(_CALL, id="A B"),)}, "name", "/steps/0/id"),
        ({"steps": (replace(_CALL, title=""),)}, "blank", "/steps/0/title"),
        ({"steps": (replace(_CALL, guide="x" * 2001),)}, "too_long", "/steps/0/guide"),
        ({"steps": (replace(_CALL, days=-1),)}, "out_of_range", "/steps/0/days"),
        ({"steps": (replace(_CALL, hours=10**9),)}, "out_of_range", "/steps/0/hours"),
        ({"steps": (replace(_CALL, grace=0),)}, "out_of_range", "/steps/0/grace"),
        (
            {"steps": (replace(_CALL, completed_by=("page.viewed",)),)},
            *("unknown_type", "/steps/0/completed_by/0"),
        ),
        ({"starts": (Start(),)}, "no_condition", "/starts/0"),
        ({"starts": (Start(source=" "),)}, "blank", "/starts/0/source"),
        ({"starts": (Start(source="/", stage="new"),)}, "required", "/starts/0/pipeline"),
        ({"starts": (Start("nothing"),)}, "unknown_pipeline", "/starts/0/pipeline"),
        ({"starts": (Start("sales", "never"),)}, "unknown_stage", "/starts/0/stage"),
        ({"starts": (Start("sales"),) * 21}, "out_of_range", "/starts"),
    ],
)
def test_a_sequence_is_as_it_must_be(changes: dict[str, Any], code: str, pointer: str) -> None:
    given(PLAYBOOK).when(define(replace(FIRST, **changes))).refused(code, pointer)


def test_it_starts_in_no_retired_pipeline_and_its_name_stands_in_paths() -> None:
    retired = {"sales": pipeline(RETIRED)}
    command = DefineSequence(name="first", sequence=FIRST, pipelines=retired, at=at(1))
    given(PLAYBOOK).when(command).refused("unknown_pipeline", "/starts/0/pipeline")
    given(PLAYBOOK).when(define(FIRST, "A B")).refused("name", "/path/name")


def test_there_are_so_many_sequences_and_tactics_at_most() -> None:
    sequences = [SequenceDefined(f"s{n}", 1, FIRST, at=at(0)) for n in range(100)]
    given(PLAYBOOK, *sequences).when(define(FIRST)).refused("too_many")
    given(PLAYBOOK, *sequences).when(define(replace(FIRST, title="X"), "s1")).then(
        SequenceDefined("s1", 2, replace(FIRST, title="X"), at=at(1))
    )
    tactics = [TacticDefined(f"t{n}", 1, SAMPLES, at=at(0)) for n in range(200)]
    given(PLAYBOOK, *tactics).when(define_tactic(SAMPLES)).refused("too_many")


def test_the_sequences_that_there_are_from_the_start_are_right() -> None:
    known = {
        each.name: PIPELINE.fold(PIPELINE.decide(PIPELINE.initial, each))
        for each in pipelines(at(0))
    }
    begin = seeded(at(0))
    for name, sequence in begin.sequences.items():
        command = DefineSequence(name=name, sequence=sequence, pipelines=known, at=at(0))
        given(PLAYBOOK).when(command).then(SequenceDefined(name, 1, sequence, at=at(0)))
    events = PLAYBOOK.decide(PLAYBOOK.initial, begin)
    assert {*PLAYBOOK.fold(events).sequences} == {*begin.sequences}
    given(PLAYBOOK, *events).when(begin).then_nothing()


def test_a_step_without_types_is_completed_by_those_of_its_kind() -> None:
    assert Step("x", "X", "task").completed_by == ()


# --- tactics


def test_a_tactic_is_defined_changed_and_retired() -> None:
    defined = TacticDefined("samples", 1, SAMPLES, at=at(1))
    given(PLAYBOOK).when(define_tactic(SAMPLES)).then(defined)
    given(PLAYBOOK, defined).when(define_tactic(SAMPLES)).then_nothing()
    other = replace(SAMPLES, text="Send two.")
    given(PLAYBOOK, defined).when(define_tactic(other)).then(
        TacticDefined("samples", 2, other, at=at(1))
    )
    retire = RetireTactic(name="samples", at=at(2))
    given(PLAYBOOK, defined).when(retire).then(TacticRetired("samples", at=at(2)))
    given(PLAYBOOK).when(retire).refused("unknown_tactic")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"title": ""}, "blank", "/title"),
        ({"text": ""}, "blank", "/text"),
        ({"text": "x" * 2001}, "too_long", "/text"),
        ({"stages": (), "objections": ()}, "no_occasion", ""),
        ({"objections": ("x",) * 51}, "out_of_range", "/objections"),
        ({"pipelines": (" ",)}, "blank", "/pipelines/0"),
    ],
)
def test_a_tactic_is_as_it_must_be(changes: dict[str, Any], code: str, pointer: str) -> None:
    given(PLAYBOOK).when(define_tactic(replace(SAMPLES, **changes))).refused(code, pointer)


def use(**changes: Any) -> UseTactic:
    wanted: dict[str, Any] = {"known": lead(MOVED), "playbook": playbook(), "tactic": "samples"}
    return UseTactic(lead=ME, **(wanted | {"at": at(5)} | changes))


USED = TacticUsed("samples", 1, ME, "sales", JANE, "contacted", owner="7", at=at(5))


def test_that_a_tactic_was_used_is_kept_with_the_stage_and_the_objection() -> None:
    given(FOLLOW_UP).when(use()).then(USED)
    told = use(objection="too dear", note="Sent two.")
    expected = replace(USED, objection="too dear", note="Sent two.")
    given(FOLLOW_UP, USED).when(told).then(expected)


def test_what_tactic_is_not_used() -> None:
    given(FOLLOW_UP).when(use(tactic="x")).refused("unknown_tactic", "/tactic")
    retired = playbook(TacticRetired("samples", at=at(1)))
    given(FOLLOW_UP).when(use(playbook=retired)).refused("unknown_tactic", "/tactic")
    given(FOLLOW_UP).when(use(objection="x")).refused("unknown_objection", "/objection")
    given(FOLLOW_UP).when(use(known=lead(WON))).refused("lead_won")


# --- appointments


def make(**changes: Any) -> MakeAppointment:
    wanted: dict[str, Any] = {
        "title": "Show the kettles",
        "since": at(900),
        "until": at(1800),
        "place": "1 Tea Lane",
    }
    given_ = {"appointment": OTHER, "lead": ME, "known": lead(), "at": at(5)}
    return MakeAppointment(**(wanted | given_ | changes))


MADE = AppointmentMade(
    *(OTHER, ME, "sales", JANE, "Show the kettles", at(900), at(1800), "1 Tea Lane", "7"), at=at(5)
)


def test_an_appointment_is_made_with_the_customer_of_an_open_lead() -> None:
    given(FOLLOW_UP).when(make()).then(MADE)
    given(FOLLOW_UP, MADE).when(make()).then_nothing()
    given(FOLLOW_UP).when(make(known=lead(WON))).refused("lead_won")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"title": " "}, "blank", "/title"),
        ({"place": "x" * 201}, "too_long", "/place"),
        ({"until": at(900)}, "not_after", "/to"),
        ({"until": at(900 + 15 * DAY)}, "too_long", "/to"),
        ({"since": "tomorrow"}, "moment", "/from"),
        ({"until": "later"}, "moment", "/to"),
        ({"since": at(6 * 366 * DAY), "until": at(6 * 366 * DAY + 9)}, "too_far", "/from"),
    ],
)
def test_an_appointment_is_as_it_must_be(changes: dict[str, Any], code: str, pointer: str) -> None:
    given(FOLLOW_UP).when(make(**changes)).refused(code, pointer)


def test_it_is_moved_and_stays_as_long_as_it_was() -> None:
    command = MoveAppointment(appointment=OTHER, since=at(2000), reason="Rain", at=at(6))
    expected = AppointmentMoved(
        *(OTHER, "Show the kettles", at(2000), at(2900), "1 Tea Lane", "Rain"), at=at(6)
    )
    given(FOLLOW_UP, MADE).when(command).then(expected)
    video = MoveAppointment(appointment=OTHER, place="By video", at=at(6))
    moved = AppointmentMoved(*(OTHER, "Show the kettles", at(900), at(1800), "By video"), at=at(6))
    given(FOLLOW_UP, MADE).when(video).then(moved)
    same = MoveAppointment(appointment=OTHER, since=at(900), at=at(6))
    given(FOLLOW_UP, MADE).when(same).then_nothing()
    wrong = MoveAppointment(appointment=OTHER, since="soon", at=at(6))
    given(FOLLOW_UP, MADE).when(wrong).refused("moment", "/from")


def test_it_is_cancelled_or_kept_and_over_then() -> None:
    cancel = CancelAppointment(appointment=OTHER, reason="Ill", at=at(6))
    cancelled = AppointmentCancelled(OTHER, "Ill", at=at(6))
    given(FOLLOW_UP, MADE).when(cancel).then(cancelled)
    keep = KeepAppointment(appointment=OTHER, note="Fine.", at=at(1000))
    given(FOLLOW_UP, MADE).when(keep).then(AppointmentKept(OTHER, "Fine.", at=at(1000)))
    for over in (cancelled, AppointmentKept(OTHER, at=at(1000))):
        given(FOLLOW_UP, MADE, over).when(keep).refused("unknown_appointment")
        given(FOLLOW_UP, MADE, over).when(cancel).refused("unknown_appointment")


def test_it_is_not_kept_before_it_begins() -> None:
    keep = KeepAppointment(appointment=OTHER, at=at(899))
    given(FOLLOW_UP, MADE).when(keep).refused("not_begun")


def test_a_lead_has_so_many_appointments_at_most() -> None:
    many = [replace(MADE, appointment=f"{n}") for n in range(100)]
    given(FOLLOW_UP, *many).when(make()).refused("too_many")


def test_they_stand_in_order_and_go_over_with_the_lead() -> None:
    sooner = replace(MADE, appointment=ME, since=at(600), until=at(700))
    found = FOLLOW_UP.fold([MADE, sooner, FollowUpHandedOver("8", "7", at=at(6))])
    assert isinstance(found, Followed)
    assert [each.appointment for each in found.booked] == [ME, OTHER]
    assert found.owner == "8"
    assert FOLLOW_UP.claims(found) == frozenset()


# --- calendars

OPENED = CalendarOpened(ME, "representative:7", "Phone", "ab" * 32, at=at(1))


def opening(**changes: Any) -> OpenCalendar:
    wanted = {
        "calendar": ME,
        "owner": "representative:7",
        "title": "Phone",
        "digest": "ab" * 32,
        "at": at(1),
    }
    return OpenCalendar(**(wanted | changes))


def test_a_calendar_is_opened_and_revoked() -> None:
    given(CALENDARS).when(opening()).then(OPENED)
    revoke = RevokeCalendar(calendar=ME, owner="representative:7", at=at(2))
    revoked = CalendarRevoked(ME, "representative:7", at=at(2))
    given(CALENDARS, OPENED).when(revoke).then(revoked)
    given(CALENDARS, OPENED, revoked).when(revoke).then_nothing()
    given(CALENDARS).when(opening(title="")).refused("blank", "/title")


def test_its_token_is_found_by_the_claim_until_it_is_revoked() -> None:
    claim = Claim(SCOPE, place_of("ab" * 32))
    assert CALENDARS.claims(CALENDARS.fold([OPENED])) == {claim}
    revoked = CalendarRevoked(ME, "representative:7", at=at(2))
    assert CALENDARS.claims(CALENDARS.fold([OPENED, revoked])) == frozenset()


def test_somebody_has_so_many_at_most() -> None:
    many = [replace(OPENED, calendar=f"{n}", digest=f"{n:064}") for n in range(20)]
    given(CALENDARS, *many).when(opening()).refused("too_many")
    assert CALENDARS.initial == Calendars()
