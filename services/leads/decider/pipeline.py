"""Pipelines: what they are made of, how they change, how they end."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import assert_never, get_args

from services.leads.bounds import SHORT
from services.leads.commands import (
    ChangePipeline,
    DefinePipeline,
    PipelineCommand,
    RetirePipeline,
)
from services.leads.decider.checks import (
    Wrong,
    conflict,
    escaped,
    is_own_field,
    name,
    refuse,
    text,
    whole,
)
from services.leads.events import (
    Kind,
    PipelineChanged,
    PipelineDefined,
    PipelineEvent,
    PipelineRetired,
    Stage,
)
from services.leads.states import REQUIRABLE, Defined, Pipeline, Retired, Undefined
from shared.errors import Conflict, FieldError, NotFound
from shared.ids import event_id

MOST_STAGES, MOST_REASONS, MOST_DAYS = 50, 100, 3650


@lru_cache(maxsize=1_000)
def stream_of(name: str) -> str:
    """The stream of the pipeline of that name."""
    return event_id("pipeline", name)


def decide(state: Pipeline, command: PipelineCommand) -> Sequence[PipelineEvent]:
    match command:
        case DefinePipeline():
            return define(state, command)
        case ChangePipeline():
            return change(state, command)
        case RetirePipeline():
            return retire(state, command)
        case _:
            assert_never(command)


def define(state: Pipeline, command: DefinePipeline) -> Sequence[PipelineEvent]:
    refuse(_wrong_beginning(command))
    wanted = PipelineDefined(
        command.name, command.kind, command.stages, command.reasons, at=command.at
    )
    match state:
        case Undefined():
            return [wanted]
        case Defined(kind=kind, stages=stages, reasons=reasons):
            if (kind, stages, reasons) == (wanted.kind, wanted.stages, wanted.reasons):
                return []
            raise conflict("/name", "pipeline_defined", f"There is {state.name!r}; change it.")
        case Retired():
            raise _is_retired(state)
        case _:
            assert_never(state)


def change(state: Pipeline, command: ChangePipeline) -> Sequence[PipelineEvent]:
    now = in_use(state)
    refuse([*_wrong_parts(command.stages, command.reasons), *_wrong_moves(now, command)])
    if (now.stages, now.reasons) == (command.stages, command.reasons):
        return []
    return [
        PipelineChanged(
            now.name,
            now.revision + 1,
            command.stages,
            command.reasons,
            dict(command.moved),
            at=command.at,
        )
    ]


def retire(state: Pipeline, command: RetirePipeline) -> Sequence[PipelineEvent]:
    refuse(text(command.reason or None, "/reason", SHORT))
    if isinstance(state, Retired):
        return []
    return [PipelineRetired(in_use(state).name, command.reason, at=command.at)]


def evolve(state: Pipeline, event: PipelineEvent) -> Pipeline:
    match event:
        case PipelineDefined():
            return Defined(event.name, event.kind, event.stages, event.reasons)
        case PipelineChanged():
            was = defined(state)
            replaced = _replaced(was, event)
            return Defined(
                was.name, was.kind, event.stages, event.reasons, event.revision, replaced
            )
        case PipelineRetired():
            return Retired(defined(state))
        case _:
            assert_never(event)


def defined(state: Pipeline) -> Defined:
    """The pipeline, retired or not. Raises NotFound."""
    match state:
        case Undefined():
            raise NotFound("There is no such pipeline.", code="unknown_pipeline")
        case Defined():
            return state
        case Retired(was):
            return was
        case _:
            assert_never(state)


def in_use(state: Pipeline) -> Defined:
    """The pipeline, in which leads begin. Raises NotFound, and Conflict where it is retired."""
    if isinstance(state, Retired):
        raise _is_retired(state)
    return defined(state)


def _is_retired(state: Retired) -> Conflict:
    detail = f"{state.was.name!r} is retired; define another one under another name."
    return conflict("/pipeline", "pipeline_retired", detail)


def _replaced(was: Defined, event: PipelineChanged) -> Mapping[str, str]:
    """What became of every stage that ever was; one that is back again is itself."""
    there = {stage.name for stage in event.stages}
    earlier = {old: event.moved.get(new, new) for old, new in was.replaced.items()}
    return {old: new for old, new in {**earlier, **event.moved}.items() if old not in there}


def _wrong_beginning(command: DefinePipeline) -> Wrong:
    yield from name(command.name, "/name")
    if command.kind not in get_args(Kind):
        yield FieldError("/kind", "unknown_kind", f"One of {', '.join(get_args(Kind))}.")
    yield from _wrong_parts(command.stages, command.reasons)


def _wrong_parts(stages: Sequence[Stage], reasons: Sequence[str]) -> Wrong:
    if not stages:
        yield FieldError("/stages", "no_stages", "A pipeline has at least one stage.")
    if not reasons:
        yield FieldError("/reasons", "no_reasons", "There is at least one reason to lose a lead.")
    yield from _wrong_names([stage.name for stage in stages], lambda i: f"/stages/{i}/name")
    yield from _wrong_names(reasons, lambda i: f"/reasons/{i}")
    yield from whole(len(stages), "/stages", 0, MOST_STAGES)
    yield from whole(len(reasons), "/reasons", 0, MOST_REASONS)
    for number, stage in enumerate(stages):
        yield from _wrong_stage(stage, stages, f"/stages/{number}")
    if stages and stages[0].required:
        detail = "Leads begin in the first stage with what is known: it cannot require anything."
        yield FieldError("/stages/0/required", "first_stage_requires", detail)


def _wrong_names(names: Sequence[str], pointer: Callable[[int], str]) -> Wrong:
    """Names that are empty or too long, or there twice."""
    seen: Counter[str] = Counter()
    for number, each in enumerate(names):
        yield from text(each, pointer(number), 64)
        seen[each] += 1
        if seen[each] == 2:
            yield FieldError(pointer(number), "duplicate", f"{each!r} is there twice.")


def _wrong_stage(stage: Stage, stages: Sequence[Stage], pointer: str) -> Wrong:
    yield from whole(stage.probability, f"{pointer}/probability", 0, 100)
    if stage.days is not None:
        yield from whole(stage.days, f"{pointer}/days", 1, MOST_DAYS)
    names = [each.name for each in stages]
    for number, each in enumerate(stage.moves):
        if each not in names:
            yield _unknown_stage(f"{pointer}/moves/{number}", each, names)
    for number, each in enumerate(stage.required):
        if each not in REQUIRABLE and not is_own_field(each):
            detail = f"{each!r} is none of {', '.join(sorted(REQUIRABLE))} and fields.NAME."
            yield FieldError(f"{pointer}/required/{number}", "unknown_field", detail)


def _wrong_moves(now: Defined, command: ChangePipeline) -> Wrong:
    """What is wrong with where the leads of removed stages go."""
    before, after = _names(now.stages), _names(command.stages)
    for gone in before:
        if gone not in after and gone not in command.moved:
            detail = f"{gone!r} is removed: say where its leads go."
            yield FieldError(f"/moved/{escaped(gone)}", "stage_unmapped", detail)
    for old, new in command.moved.items():
        if old in after or old not in before:
            detail = f"{old!r} is not a stage that is removed."
            yield FieldError(f"/moved/{escaped(old)}", "stage_not_removed", detail)
        elif new not in after:
            yield _unknown_stage(f"/moved/{escaped(old)}", new, after)


def _names(stages: Sequence[Stage]) -> list[str]:
    return [stage.name for stage in stages]


def _unknown_stage(pointer: str, name: str, names: Sequence[str]) -> FieldError:
    return FieldError(pointer, "unknown_stage", f"{name!r} is none of {', '.join(names)}.")


def stage_named(pipeline: Defined, name: str, pointer: str) -> Wrong:
    """Wrong where the pipeline has no such stage."""
    names = _names(pipeline.stages)
    if name not in names:
        yield _unknown_stage(pointer, name, names)
