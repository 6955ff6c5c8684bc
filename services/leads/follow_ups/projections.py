"""The rows that the events of following up come to, and how those of each table merge."""

from collections.abc import Callable, Mapping
from functools import partial

from services.leads.follow_ups import tables
from services.leads.follow_ups.events import (
    AppointmentCancelled,
    AppointmentKept,
    AppointmentMade,
    AppointmentMoved,
    FollowUpEnded,
    FollowUpStarted,
    StepBecameOverdue,
    StepDone,
    StepFellDue,
    StepPostponed,
    StepSkipped,
    TacticUsed,
)
from services.leads.part import Rows
from shared.deciding.due import merged, scheduled, settled
from shared.literals import Row
from shared.merging import Merge, greatest, latest, summed
from shared.projection import Event

STEPS = Merge(
    tables.steps,
    latest(
        *("begun", "lead", "pipeline", "sequence", "sequence_version", "id", "title", "kind"),
        *("guide", "since"),
    ),
    latest("timed", "due", "overdue"),
    latest("stood", "state", "settled", "by", "interaction", "type", "reason"),
    summed("postponed"),
    greatest("touched"),
)
APPOINTMENTS = Merge(
    tables.appointments,
    latest("begun", "lead", "follow_up", "pipeline", "made"),
    latest("timed", "title", "since", "until", "place"),
    latest("stood", "state", "reason"),
    summed("moved"),
    greatest("touched"),
)
TACTICS_USED = Merge(tables.tactics_used)
DUE = merged(tables.due)
TABLES = (STEPS, APPOINTMENTS, TACTICS_USED, DUE)


def moment_of(step: int) -> str:
    """The name of the moment that a step waits for."""
    return f"step/{step}"


def step_of(moment: str) -> int:
    return int(moment.removeprefix("step/"))


def _started(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, FollowUpStarted)
    for each in body.steps:
        what = {name: getattr(each, name) for name in ("id", "title", "kind", "guide", "since")}
        yield _step(
            event,
            each.step,
            **what,
            begun=version,
            lead=body.lead,
            pipeline=body.pipeline,
            sequence=body.sequence,
            sequence_version=body.version,
            timed=version,
            due=each.due,
            overdue=each.overdue,
            stood=version,
            state="pending",
        )
        yield _awaited(event, each.step, each.due)


def _fell_due(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, StepFellDue)
    yield _stands(event, body.step, "due")
    yield _awaited(event, body.step, body.overdue)


def _became_overdue(event: Event) -> Rows:
    assert isinstance(event.body, StepBecameOverdue)
    yield _stands(event, event.body.step, "overdue")
    yield _off(event, event.body.step)


def _done(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, StepDone)
    how = {"by": body.by, "interaction": body.interaction, "type": body.type}
    yield _stands(event, body.step, "done", settled=body.at, reason=body.note or None, **how)
    yield _off(event, body.step)


def _skipped(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, StepSkipped)
    by = event.envelope.actor
    yield _stands(event, body.step, "skipped", settled=body.at, reason=body.reason, by=by)
    yield _off(event, body.step)


def _ended(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, FollowUpEnded)
    for step in body.steps:
        yield _stands(event, step, "cancelled", settled=body.at, reason=body.reason)
        yield _off(event, step)


def _postponed(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, StepPostponed)
    when = {"timed": version, "due": body.due, "overdue": body.overdue}
    yield _step(event, body.step, stood=version, state="pending", postponed=1, **when)
    yield _awaited(event, body.step, body.due)


def _stands(event: Event, step: int, state: str, **columns: object) -> tuple[str, Row]:
    return _step(event, step, stood=event.envelope.streamversion, state=state, **columns)


def _step(event: Event, step: int, **columns: object) -> tuple[str, Row]:
    stream, at = event.envelope.stream, event.envelope.time
    return "steps", STEPS.row(follow_up=stream, step=step, touched=at, **columns)


def _awaited(event: Event, step: int, moment: str) -> tuple[str, Row]:
    return tables.due.name, scheduled(event, moment_of(step), moment)


def _off(event: Event, step: int) -> tuple[str, Row]:
    return tables.due.name, settled(event, moment_of(step))


def _made(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, AppointmentMade)
    yield _appointment(
        event,
        body.appointment,
        begun=version,
        lead=body.lead,
        follow_up=event.envelope.stream,
        pipeline=body.pipeline,
        made=body.at,
        timed=version,
        **_when(body),
        stood=version,
        state="booked",
    )


def _moved(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, AppointmentMoved)
    version = event.envelope.streamversion
    yield _appointment(event, body.appointment, timed=version, moved=1, **_when(body))


def _when(body: AppointmentMade | AppointmentMoved) -> Mapping[str, object]:
    return {name: getattr(body, name) for name in ("title", "since", "until", "place")}


def _over(state: str, event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, AppointmentCancelled | AppointmentKept)
    reason = body.reason if isinstance(body, AppointmentCancelled) else body.note or None
    yield _appointment(event, body.appointment, stood=version, state=state, reason=reason)


def _appointment(event: Event, appointment: str, **columns: object) -> tuple[str, Row]:
    touched = event.envelope.time
    return "appointments", APPOINTMENTS.row(appointment=appointment, touched=touched, **columns)


def _used(event: Event) -> Rows:
    body, envelope = event.body, event.envelope
    assert isinstance(body, TacticUsed)
    row = (
        *(envelope.stream, envelope.streamversion, body.tactic, body.version, body.lead),
        *(body.pipeline, body.stage, body.objection, body.at, envelope.actor),
    )
    yield TACTICS_USED.name, row


PROJECT: Mapping[type, Callable[[Event], Rows]] = {
    FollowUpStarted: _started,
    FollowUpEnded: _ended,
    StepFellDue: _fell_due,
    StepBecameOverdue: _became_overdue,
    StepDone: _done,
    StepSkipped: _skipped,
    StepPostponed: _postponed,
    AppointmentMade: _made,
    AppointmentMoved: _moved,
    AppointmentCancelled: partial(_over, "cancelled"),
    AppointmentKept: partial(_over, "kept"),
    TacticUsed: _used,
}
