"""How sequences start and end: by the stages of a lead, by hand."""

from collections.abc import Iterator
from collections.abc import Sequence as List

from msgspec.structs import replace

from services.leads.decider.checks import refusal
from services.leads.decider.knowing import open_lead
from services.leads.follow_ups.commands import (
    EndFollowUps,
    HandOver,
    ReachStage,
    StartSequence,
)
from services.leads.follow_ups.completing import BY_KIND
from services.leads.follow_ups.events import (
    FollowUpEnded,
    FollowUpEvent,
    FollowUpHandedOver,
    FollowUpStarted,
    Planned,
    Sequence,
    Start,
)
from services.leads.follow_ups.moments import hours_between, later
from services.leads.follow_ups.states import (
    Followed,
    FollowUp,
    Pending,
    Unplanned,
    WrittenSequence,
)
from services.leads.states import Known, Open
from shared.errors import Conflict

MOST_PENDING = 100
"""Steps of a lead that are to be done."""

LATE = 7 * 24
"""Hours after which it is history that a lead reached a stage: nothing starts by itself then."""


def reach_stage(state: FollowUp, command: ReachStage) -> List[FollowUpEvent]:
    """What was for another stage is off; what starts with this one starts, unless it goes on."""
    if not isinstance(command.known, Open):
        return []
    lead = command.known.lead
    found: list[FollowUpEvent] = [*_left(state, command)]
    if hours_between(command.at, command.recorded) > LATE:
        return found
    off = {step for event in found if isinstance(event, FollowUpEnded) for step in event.steps}
    going_on = {each.sequence for each in _pending(state) if each.step not in off}
    count = _count(state)
    room = MOST_PENDING - len([each for each in _pending(state) if each.step not in off])
    for name, written in sorted(command.playbook.sequences.items()):
        if written.retired or name in going_on or not _starts(written.sequence, lead, command):
            continue
        if len(written.sequence.steps) <= room:
            event = _started(name, written, command, lead, count, f"stage {command.stage}")
            found.append(event)
            count, room = count + len(event.steps), room - len(event.steps)
    return found


def start(state: FollowUp, command: StartSequence) -> List[FollowUpEvent]:
    lead = open_lead(command.known)
    written = command.playbook.sequences.get(command.sequence)
    if written is None or written.retired:
        names = sorted(n for n, each in command.playbook.sequences.items() if not each.retired)
        detail = f"{command.sequence!r} is none of {', '.join(names[:20]) or 'none at all'}."
        raise refusal("/sequence", "unknown_sequence", detail)
    pending = _pending(state)
    if command.sequence in {each.sequence for each in pending}:
        raise Conflict("This sequence goes on already for this lead.", code="sequence_goes_on")
    if len(pending) + len(written.sequence.steps) > MOST_PENDING:
        raise Conflict(f"A lead has at most {MOST_PENDING} steps to be done.", code="too_many")
    return [_started(command.sequence, written, command, lead, _count(state), "by hand")]


def end(state: FollowUp, command: EndFollowUps) -> List[FollowUpEvent]:
    pending = _pending(state)
    if not pending:
        return []
    steps = tuple(sorted(each.step for each in pending))
    return [FollowUpEnded(command.reason, steps, at=command.at)]


def hand_over(state: FollowUp, command: HandOver) -> List[FollowUpEvent]:
    """Where nothing is to be done there is nothing to hand over."""
    if isinstance(state, Unplanned) or state.owner == command.owner:
        return []
    if not state.pending and not state.booked:
        return []
    return [FollowUpHandedOver(command.owner, state.owner, at=command.at)]


def started(there: Followed, event: FollowUpStarted) -> Followed:
    fresh = [
        Pending(
            *(each.step, event.sequence, each.id, each.title, each.kind),
            *(each.since, each.due, each.overdue),
            completed_by=each.completed_by,
            guide=each.guide,
            until=event.stage,
        )
        for each in event.steps
    ]
    pending = tuple(sorted((*there.pending, *fresh), key=lambda each: (each.due, each.step)))
    return replace(there, pending=pending, steps=there.steps + len(fresh))


def _left(state: FollowUp, command: ReachStage) -> Iterator[FollowUpEnded]:
    """The steps that were for a stage in which the lead is no more."""
    off = [each for each in _pending(state) if each.until not in (None, command.stage)]
    if off:
        steps = tuple(sorted(each.step for each in off))
        yield FollowUpEnded(f"the lead left {off[0].until}", steps, at=command.at)


def _starts(sequence: Sequence, lead: Known, command: ReachStage) -> bool:
    if sequence.ends == "stage" and lead.stage != command.stage:
        return False  # it has left that stage meanwhile
    return any(_holds(start, lead, command) for start in sequence.starts)


def _holds(start: Start, lead: Known, command: ReachStage) -> bool:
    if start.pipeline not in (None, lead.pipeline):
        return False
    if start.source is not None and not lead.source.startswith(start.source):
        return False
    return command.begins if start.stage is None else start.stage == command.stage


def _started(
    name: str,
    written: WrittenSequence,
    command: ReachStage | StartSequence,
    lead: Known,
    count: int,
    why: str,
) -> FollowUpStarted:
    sequence = written.sequence
    stage = command.stage if isinstance(command, ReachStage) else lead.stage
    return FollowUpStarted(
        *(command.lead, lead.pipeline, lead.subject, name, written.version, why),
        steps=_planned(sequence, command.at, count),
        owner=lead.owner,
        stage=stage if sequence.ends == "stage" else None,
        at=command.at,
    )


def _planned(sequence: Sequence, at: str, count: int) -> tuple[Planned, ...]:
    """When each step is due; its turn comes when the one before it is."""
    found: list[Planned] = []
    for number, step in enumerate(sequence.steps, count + 1):
        after = step.days * 24 + step.hours
        found.append(
            Planned(
                *(number, step.id, step.title, step.kind),
                since=found[-1].due if found else at,
                due=later(at, after),
                overdue=later(at, after + step.grace),
                completed_by=step.completed_by or BY_KIND[step.kind],
                guide=step.guide,
            )
        )
    return tuple(found)


def _pending(state: FollowUp) -> tuple[Pending, ...]:
    return () if isinstance(state, Unplanned) else state.pending


def _count(state: FollowUp) -> int:
    return 0 if isinstance(state, Unplanned) else state.steps
