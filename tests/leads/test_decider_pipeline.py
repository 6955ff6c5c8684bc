"""Pipelines: what they must be made of, how they change, how they end."""

import pytest
from msgspec.structs import replace

from services.leads.commands import ChangePipeline, RetirePipeline
from services.leads.decider import PIPELINE
from services.leads.decider.pipeline import stream_of
from services.leads.defaults import pipelines
from services.leads.events import PipelineChanged, PipelineDefined, PipelineRetired, Stage
from services.leads.states import Defined, Pipeline, Retired
from tests.leads.examples import CHANGED, DEFINED, REASONS, RETIRED, STAGES, define
from tests.leads.given import given
from tests.records import at


def change(**changes: object) -> ChangePipeline:
    return ChangePipeline(**({"stages": STAGES, "reasons": REASONS, "at": at(4)} | changes))  # type: ignore[arg-type]


def first(**changes: object) -> tuple[Stage, ...]:
    """The stages of the examples, the second one changed."""
    return (STAGES[0], replace(STAGES[1], **changes), STAGES[2])


def test_a_pipeline_is_defined() -> None:
    given(PIPELINE).when(define()).then(DEFINED)


def test_the_same_again_is_no_news() -> None:
    given(PIPELINE, DEFINED).when(define(at=at(9))).then_nothing()


def test_another_under_the_same_name_is_refused() -> None:
    given(PIPELINE, DEFINED).when(define(kind="partner")).refused("pipeline_defined", "/name")


@pytest.mark.parametrize("name", ["", "Sales", "a b", "-a", "a--b", "x" * 65, "sales/1", "é"])
def test_a_name_stands_in_paths(name: str) -> None:
    given(PIPELINE).when(define(name=name)).refused("name", "/name")


def test_a_pipeline_is_of_a_known_kind() -> None:
    given(PIPELINE).when(define(kind="other")).refused("unknown_kind", "/kind")


def test_a_pipeline_has_stages() -> None:
    given(PIPELINE).when(define(stages=())).refused("no_stages", "/stages")


def test_a_pipeline_has_reasons_to_lose() -> None:
    given(PIPELINE).when(define(reasons=())).refused("no_reasons", "/reasons")


def test_two_stages_of_one_name_are_refused() -> None:
    twice = (*STAGES, Stage("new", 10))
    given(PIPELINE).when(define(stages=twice)).refused("duplicate", "/stages/3/name")


def test_two_reasons_of_one_name_are_refused() -> None:
    given(PIPELINE).when(define(reasons=("price", "price"))).refused("duplicate", "/reasons/1")


def test_more_stages_than_a_board_can_show_are_refused() -> None:
    many = tuple(Stage(f"s{number}", 1) for number in range(51))
    given(PIPELINE).when(define(stages=many)).refused("out_of_range", "/stages")


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"name": " "}, "blank", "name"),
        ({"name": "x" * 65}, "too_long", "name"),
        ({"probability": 101}, "out_of_range", "probability"),
        ({"probability": -1}, "out_of_range", "probability"),
        ({"probability": 0.5}, "whole_number", "probability"),
        ({"days": 0}, "out_of_range", "days"),
        ({"days": 3651}, "out_of_range", "days"),
        ({"moves": ("offer", "won")}, "unknown_stage", "moves/1"),
        ({"required": ("owner", "shoe_size")}, "unknown_field", "required/1"),
        ({"required": ("fields.Shoe Size",)}, "unknown_field", "required/0"),
    ],
)
def test_a_wrong_stage_is_refused_by_its_field(
    wrong: dict[str, object], code: str, pointer: str
) -> None:
    given(PIPELINE).when(define(stages=first(**wrong))).refused(code, f"/stages/1/{pointer}")


def test_leads_begin_with_what_is_known() -> None:
    stages = (replace(STAGES[0], required=("amount",)), *STAGES[1:])
    expected = "first_stage_requires"
    given(PIPELINE).when(define(stages=stages)).refused(expected, "/stages/0/required")


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = define(name="", stages=(Stage("", 101, ("gone",)),), reasons=())
    problem = given(PIPELINE).when(wrong).refused("invalid")
    assert [error.pointer for error in problem.errors] == [
        *("/name", "/reasons", "/stages/0/name"),
        *("/stages/0/probability", "/stages/0/moves/0"),
    ]


def test_a_change_is_an_event_with_where_leads_go() -> None:
    command = change(stages=CHANGED.stages, moved=CHANGED.moved)
    given(PIPELINE, DEFINED).when(command).then(CHANGED)


def test_stages_that_stay_need_no_mapping() -> None:
    stages = (*STAGES, Stage("signing", 90))
    given(PIPELINE, DEFINED).when(change(stages=stages)).then(
        PipelineChanged("sales", 2, stages, REASONS, at=at(4))
    )


def test_a_change_to_the_same_is_no_news() -> None:
    given(PIPELINE, DEFINED).when(change()).then_nothing()


def test_a_removed_stage_must_say_where_its_leads_go() -> None:
    command = change(stages=CHANGED.stages, moved={"offer": "talking"})
    given(PIPELINE, DEFINED).when(command).refused("stage_unmapped", "/moved/contacted")


def test_leads_go_to_a_stage_that_is_there() -> None:
    command = change(stages=CHANGED.stages, moved={"contacted": "talking", "offer": "won"})
    given(PIPELINE, DEFINED).when(command).refused("unknown_stage", "/moved/offer")


@pytest.mark.parametrize(("name", "pointer"), [("new", "new"), ("a/b~c", "a~1b~0c")])
def test_only_removed_stages_are_mapped(name: str, pointer: str) -> None:
    command = change(stages=CHANGED.stages, moved={**CHANGED.moved, name: "new"})
    given(PIPELINE, DEFINED).when(command).refused("stage_not_removed", f"/moved/{pointer}")


def test_a_pipeline_is_never_left_without_stages() -> None:
    moved = {stage.name: "new" for stage in STAGES}
    command = change(stages=(), moved=moved)
    given(PIPELINE, DEFINED).when(command).refused("no_stages", "/stages")


def test_a_pipeline_that_is_not_there_cannot_change() -> None:
    given(PIPELINE).when(change()).refused("unknown_pipeline")


def test_a_stage_removed_twice_is_followed_to_the_end() -> None:
    again = PipelineChanged(
        "sales", 3, (STAGES[0], Stage("deal", 50)), REASONS, {"talking": "deal"}, at=at(6)
    )
    state = PIPELINE.fold([DEFINED, CHANGED, again])
    assert isinstance(state, Defined)
    assert [state.present(name) for name in ("new", "contacted", "offer", "talking")] == [
        *("new", "deal", "deal", "deal")
    ]


def test_a_stage_that_is_back_is_itself() -> None:
    back = PipelineChanged("sales", 3, STAGES, REASONS, {"talking": "contacted"}, at=at(6))
    state = PIPELINE.fold([DEFINED, CHANGED, back])
    assert isinstance(state, Defined)
    assert dict(state.replaced) == {"talking": "contacted"}


def test_a_pipeline_is_retired_once() -> None:
    command = RetirePipeline(reason="not sold any more", at=at(5))
    given(PIPELINE, DEFINED).when(command).then(RETIRED)
    given(PIPELINE, DEFINED, RETIRED).when(command).then_nothing()
    given(PIPELINE).when(command).refused("unknown_pipeline")


@pytest.mark.parametrize("command", [define(), define(kind="partner"), change()])
def test_a_retired_pipeline_does_not_come_back(command: object) -> None:
    given(PIPELINE, DEFINED, RETIRED).when(command).refused("pipeline_retired", "/pipeline")


def test_a_retired_pipeline_knows_what_it_was() -> None:
    state: Pipeline = PIPELINE.fold([DEFINED, RETIRED])
    assert isinstance(state, Retired)
    assert state.was.stages == STAGES


def test_a_name_has_one_stream() -> None:
    assert stream_of("sales") == stream_of("sales") != stream_of("partner")
    assert stream_of("sales")[14] == "8"  # a hashed UUID


def test_the_pipelines_that_there_are_from_the_start_are_right() -> None:
    for command in pipelines(at(0)):
        [event] = PIPELINE.decide(PIPELINE.initial, command)
        assert isinstance(event, PipelineDefined)
        assert command.kind == command.name
    assert [command.name for command in pipelines(at(0))] == [
        *("sales", "partner", "renewal", "win-back")
    ]


def test_nothing_is_claimed_by_a_pipeline() -> None:
    assert PIPELINE.claims(PIPELINE.fold([DEFINED])) == frozenset()


def test_a_reason_to_retire_may_be_left_out() -> None:
    given(PIPELINE, DEFINED).when(RetirePipeline(at=at(5))).then(PipelineRetired("sales", at=at(5)))
