"""The playbook: sequences of steps and tactics, in one stream; what they must be."""

from collections import Counter
from collections.abc import Sequence as List
from typing import assert_never

from msgspec.structs import replace

from services.leads.decider.checks import Wrong, name, refuse, text, whole
from services.leads.follow_ups.commands import (
    BeginPlaybook,
    DefineSequence,
    DefineTactic,
    PlaybookCommand,
    RetireSequence,
    RetireTactic,
)
from services.leads.follow_ups.completing import OURS, THEIRS
from services.leads.follow_ups.events import (
    PlaybookEvent,
    Sequence,
    SequenceDefined,
    SequenceRetired,
    Start,
    Step,
    Tactic,
    TacticDefined,
    TacticRetired,
)
from services.leads.follow_ups.states import Playbook, WrittenSequence, WrittenTactic
from services.leads.states import Defined, Retired
from shared.errors import Conflict, FieldError, NotFound
from shared.ids import event_id

STREAM = event_id("follow-ups", "playbook")
"""The one stream of sequences and tactics."""

MOST_SEQUENCES, MOST_STEPS, MOST_STARTS = 100, 30, 20
MOST_TACTICS, MOST_NAMED, LONGEST_TEXT = 200, 50, 2_000
MOST_DAYS, MOST_HOURS, MOST_GRACE = 730, 24 * 730, 24 * 365


def decide(state: Playbook, command: PlaybookCommand) -> List[PlaybookEvent]:
    match command:
        case BeginPlaybook():
            return [
                SequenceDefined(each, 1, sequence, at=command.at)
                for each, sequence in sorted(command.sequences.items())
                if each not in state.sequences
            ]
        case DefineSequence():
            return define_sequence(state, command)
        case RetireSequence():
            return retire_sequence(state, command)
        case DefineTactic():
            return define_tactic(state, command)
        case RetireTactic():
            return retire_tactic(state, command)
        case _:
            assert_never(command)


def define_sequence(state: Playbook, command: DefineSequence) -> List[PlaybookEvent]:
    """Anew, changed, or taken up again."""
    refuse([*name(command.name, "/path/name"), *_wrong_sequence(command)])
    there = state.sequences.get(command.name)
    if there is None and len(state.sequences) >= MOST_SEQUENCES:
        raise Conflict(f"There are {MOST_SEQUENCES} sequences: change one.", code="too_many")
    if there is not None and not there.retired and there.sequence == command.sequence:
        return []
    version = there.version + 1 if there is not None else 1
    return [SequenceDefined(command.name, version, command.sequence, at=command.at)]


def retire_sequence(state: Playbook, command: RetireSequence) -> List[PlaybookEvent]:
    there = state.sequences.get(command.name)
    if there is None:
        raise NotFound("There is no such sequence.", code="unknown_sequence")
    refuse(text(command.reason or None, "/reason"))
    return [] if there.retired else [SequenceRetired(command.name, command.reason, at=command.at)]


def define_tactic(state: Playbook, command: DefineTactic) -> List[PlaybookEvent]:
    refuse([*name(command.name, "/path/name"), *_wrong_tactic(command.tactic)])
    there = state.tactics.get(command.name)
    if there is None and len(state.tactics) >= MOST_TACTICS:
        raise Conflict(f"There are {MOST_TACTICS} tactics: change one.", code="too_many")
    if there is not None and not there.retired and there.tactic == command.tactic:
        return []
    version = there.version + 1 if there is not None else 1
    return [TacticDefined(command.name, version, command.tactic, at=command.at)]


def retire_tactic(state: Playbook, command: RetireTactic) -> List[PlaybookEvent]:
    there = state.tactics.get(command.name)
    if there is None:
        raise NotFound("There is no such tactic.", code="unknown_tactic")
    refuse(text(command.reason or None, "/reason"))
    return [] if there.retired else [TacticRetired(command.name, command.reason, at=command.at)]


def evolve(state: Playbook, event: PlaybookEvent) -> Playbook:
    sequences, tactics = state.sequences, state.tactics
    match event:
        case SequenceDefined():
            written = WrittenSequence(event.version, event.sequence)
            return replace(state, sequences={**sequences, event.name: written})
        case SequenceRetired():
            off = sequences[event.name]
            off = replace(off, retired=True, version=off.version + 1)
            return replace(state, sequences={**sequences, event.name: off})
        case TacticDefined():
            tactic = WrittenTactic(event.version, event.tactic)
            return replace(state, tactics={**tactics, event.name: tactic})
        case TacticRetired():
            gone = tactics[event.name]
            gone = replace(gone, retired=True, version=gone.version + 1)
            return replace(state, tactics={**tactics, event.name: gone})
        case _:
            assert_never(event)


# What is wrong


def _wrong_sequence(command: DefineSequence) -> Wrong:
    sequence = command.sequence
    yield from text(sequence.title, "/title")
    if not sequence.steps:
        yield FieldError("/steps", "no_steps", "A sequence has at least one step.")
    yield from whole(len(sequence.steps), "/steps", 0, MOST_STEPS)
    yield from whole(len(sequence.starts), "/starts", 0, MOST_STARTS)
    seen = Counter[str]()
    for number, step in enumerate(sequence.steps):
        seen[step.id] += 1
        if seen[step.id] == 2:
            yield FieldError(f"/steps/{number}/id", "duplicate", f"There are two {step.id!r}.")
        yield from _wrong_step(step, f"/steps/{number}")
    yield from _wrong_order(sequence)
    for number, start in enumerate(sequence.starts):
        yield from _wrong_start(start, f"/starts/{number}", command)


def _wrong_step(step: Step, pointer: str) -> Wrong:
    yield from name(step.id, f"{pointer}/id")
    yield from text(step.title, f"{pointer}/title")
    yield from text(step.guide or None, f"{pointer}/guide", LONGEST_TEXT)
    yield from whole(step.days, f"{pointer}/days", 0, MOST_DAYS)
    yield from whole(step.hours, f"{pointer}/hours", 0, MOST_HOURS)
    yield from whole(step.grace, f"{pointer}/grace", 1, MOST_GRACE)
    known = sorted(OURS | THEIRS)
    for number, type_ in enumerate(step.completed_by):
        if type_ not in known:
            detail = f"{type_!r} completes no step; these do: {', '.join(known)}."
            yield FieldError(f"{pointer}/completed_by/{number}", "unknown_type", detail)


def _wrong_order(sequence: Sequence) -> Wrong:
    before = 0
    for number, step in enumerate(sequence.steps):
        after = step.days * 24 + step.hours
        if after < before:
            detail = "Steps stand in the order in which they are due."
            yield FieldError(f"/steps/{number}", "not_in_order", detail)
        before = after


def _wrong_start(start: Start, pointer: str, command: DefineSequence) -> Wrong:
    if start.pipeline is None and start.source is None:
        yield FieldError(pointer, "no_condition", "Name a pipeline or a source.")
    yield from text(start.source, f"{pointer}/source", 2_048)
    if start.stage is not None and start.pipeline is None:
        detail = "A stage is one of a pipeline: name that too."
        yield FieldError(f"{pointer}/pipeline", "required", detail)
    if start.pipeline is None:
        return
    found = command.pipelines.get(start.pipeline)
    if not isinstance(found, Defined):
        why = "is retired" if isinstance(found, Retired) else "is not there"
        detail = f"The pipeline {start.pipeline!r} {why}."
        yield FieldError(f"{pointer}/pipeline", "unknown_pipeline", detail)
    elif start.stage is not None and found.stage(start.stage) is None:
        names = ", ".join(each.name for each in found.stages)
        detail = f"{start.stage!r} is none of {names}."
        yield FieldError(f"{pointer}/stage", "unknown_stage", detail)


def _wrong_tactic(tactic: Tactic) -> Wrong:
    yield from text(tactic.title, "/title")
    yield from text(tactic.text, "/text", LONGEST_TEXT)
    if not tactic.stages and not tactic.objections:
        detail = "A tactic is for a stage or an objection: name one."
        yield FieldError("", "no_occasion", detail)
    for field, names in (
        ("pipelines", tactic.pipelines),
        ("stages", tactic.stages),
        ("objections", tactic.objections),
    ):
        yield from whole(len(names), f"/{field}", 0, MOST_NAMED)
        for number, each in enumerate(names):
            yield from text(each, f"/{field}/{number}")
