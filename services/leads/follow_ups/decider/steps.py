"""The life of a step: due, overdue, done, skipped, put off."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from services.leads.bounds import LONG
from services.leads.decider.checks import refusal, refuse, text
from services.leads.follow_ups.commands import (
    FinishStep,
    Interact,
    PostponeStep,
    Remind,
    SkipStep,
)
from services.leads.follow_ups.events import (
    FollowUpEnded,
    FollowUpEvent,
    StepBecameOverdue,
    StepDone,
    StepFellDue,
    StepPostponed,
    StepSkipped,
)
from services.leads.follow_ups.moments import hours_between, is_moment, later
from services.leads.follow_ups.states import Ended, Followed, FollowUp, Pending, Settled, Unplanned
from shared.errors import Conflict, NotFound

MOST_SETTLED = 100
"""Steps that are over and kept in the state: the latest; all are in the view."""

FURTHEST = 2 * 366 * 24
"""Hours to which a step may be put off."""


def remind(state: FollowUp, command: Remind) -> Sequence[FollowUpEvent]:
    """That a moment came is told to the step that still waits for it."""
    if isinstance(state, Unplanned):
        return []
    step = next((each for each in state.pending if each.step == command.step), None)
    if step is None:
        return []
    if step.state == "pending" and step.due == command.moment:
        return [StepFellDue(step.step, step.due, step.overdue, state.owner, at=command.at)]
    if step.state == "due" and step.overdue == command.moment:
        return [StepBecameOverdue(step.step, step.overdue, state.owner, at=command.at)]
    return []


def interact(state: FollowUp, command: Interact) -> Sequence[FollowUpEvent]:
    """The earliest step whose turn it was, of those that such an interaction completes."""
    if isinstance(state, Unplanned):
        return []
    found = [
        each
        for each in state.pending
        if command.type in each.completed_by and each.since <= command.at
    ]
    if not found:
        return []
    step = min(found, key=lambda each: (each.due, each.step)).step
    return [StepDone(step, command.by, command.interaction, command.type, at=command.at)]


def finish(state: FollowUp, command: FinishStep) -> Sequence[FollowUpEvent]:
    """By hand; done twice is no news."""
    refuse(text(command.note or None, "/note", LONG))
    if _is_settled(state, command.step, "done"):
        return []
    step = _to_do(state, command.step)
    return [StepDone(step.step, command.by, note=command.note, at=command.at)]


def skip(state: FollowUp, command: SkipStep) -> Sequence[FollowUpEvent]:
    refuse(text(command.reason, "/reason"))
    if _is_settled(state, command.step, "skipped"):
        return []
    return [StepSkipped(_to_do(state, command.step).step, command.reason, at=command.at)]


def postpone(state: FollowUp, command: PostponeStep) -> Sequence[FollowUpEvent]:
    """To a moment to come, with the same time of grace."""
    refuse(text(command.reason or None, "/reason"))
    step = _to_do(state, command.step)
    _check_due(command)
    if command.due == step.due:
        return []
    grace = round(hours_between(step.due, step.overdue))
    overdue = later(command.due, grace)
    return [StepPostponed(step.step, command.due, overdue, step.due, command.reason, at=command.at)]


def _check_due(command: PostponeStep) -> None:
    if not is_moment(command.due):
        raise refusal("/due", "moment", "A moment such as 2026-01-31T12:00:00.000000Z.")
    away = hours_between(command.at, command.due)
    if away <= 0:
        raise refusal("/due", "past", "This moment is over: a step is put off to one to come.")
    if away > FURTHEST:
        raise refusal("/due", "too_far", "A step is put off by at most two years.")


def _to_do(state: FollowUp, step: int) -> Pending:
    """Raises NotFound, and Conflict for one that is over."""
    if isinstance(state, Unplanned) or not 1 <= step <= state.steps:
        raise NotFound("This lead has no such step.", code="unknown_step")
    found = next((each for each in state.pending if each.step == step), None)
    if found is None:
        raise Conflict("This step is done, skipped or cancelled.", code="step_settled")
    return found


def _is_settled(state: FollowUp, step: int, how: Ended) -> bool:
    if isinstance(state, Unplanned):
        return False
    return any((each.step, each.state) == (step, how) for each in state.settled)


# What they are afterwards


def changed(there: Followed, step: int, **fields: Any) -> Followed:
    """A step that is otherwise now; steps stand in the order in which they are due."""
    pending = [replace(each, **fields) if each.step == step else each for each in there.pending]
    return replace(there, pending=tuple(sorted(pending, key=lambda each: (each.due, each.step))))


def done(there: Followed, event: StepDone) -> Followed:
    fields = {"by": event.by, "interaction": event.interaction, "reason": event.note}
    return _over(there, (event.step,), "done", event.at, **fields)


def skipped(there: Followed, event: StepSkipped) -> Followed:
    return _over(there, (event.step,), "skipped", event.at, reason=event.reason)


def ended(there: Followed, event: FollowUpEnded) -> Followed:
    return _over(there, event.steps, "cancelled", event.at, reason=event.reason)


def postponed(there: Followed, event: StepPostponed) -> Followed:
    return changed(there, event.step, due=event.due, overdue=event.overdue, state="pending")


def _over(there: Followed, steps: Iterable[int], how: Ended, at: str, **fields: Any) -> Followed:
    off = {*steps}
    settled = [
        Settled(
            *(each.step, each.sequence, each.id, each.title, each.kind, each.due, how, at), **fields
        )
        for each in there.pending
        if each.step in off
    ]
    left = tuple(each for each in there.pending if each.step not in off)
    return replace(there, pending=left, settled=(*there.settled, *settled)[-MOST_SETTLED:])
