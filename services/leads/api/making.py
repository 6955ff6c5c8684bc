"""What a body asks of a lead, as a command: the same for one lead, in bulk and from a device."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field, StringConstraints

from services.leads import commands
from services.leads.api import bodies
from services.leads.api.bodies import Text, example
from services.leads.decider.checks import conflict
from services.leads.decider.pipeline import defined
from services.leads.states import Pipeline

Kind = Literal["describe", "move", "assign", "win", "lose", "reopen", "note", "visit"]


class Visit(BaseModel):
    """The report of a visit."""

    model_config = example(
        text="Saw the kitchen; they measure it next week.",
        outcome="interested",
        place="Leeds",
        next_step="Send samples.",
    )

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    outcome: Annotated[Text, StringConstraints(max_length=200)] = Field(
        description="What came of it, in a word or two of one's own."
    )
    place: Annotated[Text, StringConstraints(max_length=200)] | None = None
    next_step: Annotated[Text, StringConstraints(max_length=200)] | None = None


def suits(owner: str | None, found: Pipeline) -> None:
    """Raises Conflict where a partner would get a lead in a pipeline that is not for partners."""
    pipeline = defined(found)
    if owner is not None and owner.startswith("partner:") and pipeline.kind != "partner":
        detail = (
            f"A partner gets leads in pipelines of the kind partner; {pipeline.name!r} is of the"
            f" kind {pipeline.kind}. Capture one there."
        )
        raise conflict("/owner", "not_for_partners", detail)


class Way(NamedTuple):
    """The body that a command comes with, and how it is made: of body, pipeline and moment."""

    body: type[BaseModel]
    make: Callable[[Any, Pipeline, str], commands.LeadCommand]


def _describe(body: bodies.Describe, _: Pipeline, at: str) -> commands.LeadCommand:
    return commands.DescribeLead(at=at, **body.changed())


def _move(body: bodies.Move, found: Pipeline, at: str) -> commands.LeadCommand:
    return commands.MoveLead(pipeline=found, stage=body.stage, reason=body.reason, at=at)


def _assign(body: bodies.Assign, found: Pipeline, at: str) -> commands.LeadCommand:
    suits(body.owner, found)
    return commands.AssignLead(owner=body.owner, reason=body.reason, at=at)


def _win(body: bodies.Win, _: Pipeline, at: str) -> commands.LeadCommand:
    return commands.WinLead(amount=body.amount, currency=body.currency, at=at)


def _lose(body: bodies.Lose, found: Pipeline, at: str) -> commands.LeadCommand:
    return commands.LoseLead(pipeline=found, reason=body.reason, competitor=body.competitor, at=at)


def _reopen(body: bodies.Because, found: Pipeline, at: str) -> commands.LeadCommand:
    return commands.ReopenLead(pipeline=found, reason=body.reason, at=at)


def _note(body: bodies.Note, _: Pipeline, at: str) -> commands.LeadCommand:
    return commands.NoteLead(text=body.text, at=at)


def _visit(body: Visit, _: Pipeline, at: str) -> commands.LeadCommand:
    return commands.ReportVisit(at=at, **body.model_dump())


WAYS: Mapping[Kind, Way] = {
    "describe": Way(bodies.Describe, _describe),
    "move": Way(bodies.Move, _move),
    "assign": Way(bodies.Assign, _assign),
    "win": Way(bodies.Win, _win),
    "lose": Way(bodies.Lose, _lose),
    "reopen": Way(bodies.Because, _reopen),
    "note": Way(bodies.Note, _note),
    "visit": Way(Visit, _visit),
}
