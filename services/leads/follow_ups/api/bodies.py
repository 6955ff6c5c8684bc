"""The bodies of commands; a name that is not among their fields is an error."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.leads.api.bodies import Text, example
from services.leads.follow_ups.events import Ends, Means
from shared.parameters import Line, Moment

Long = Annotated[str, StringConstraints(max_length=20_000)]
Guide = Annotated[str, StringConstraints(max_length=2_000)]


class StartBody(BaseModel):
    """When a sequence starts by itself: all that is given holds."""

    model_config = ConfigDict(extra="forbid")

    pipeline: Text | None = None
    stage: Text | None = Field(
        None, description="When a lead enters it; left out: when a lead begins."
    )
    source: Annotated[Line, StringConstraints(max_length=2048)] | None = Field(
        None, description="A beginning of the lead's source."
    )


class StepBody(BaseModel):
    """A step: what is to be done so long after the sequence started."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    title: Text
    kind: Means
    days: Annotated[int, Field(ge=0, le=730, description="Of 24 hours.")] = 0
    hours: Annotated[int, Field(ge=0, le=17_520)] = 0
    grace: Annotated[int, Field(ge=1, le=8_760, description="Hours until it is overdue.")] = 24
    completed_by: Annotated[list[Text], Field(max_length=20)] = Field(
        [],
        description="Types of interaction; left out: of a call call.placed and call.received, of "
        "an email email.sent, a letter letter.sent, a visit visit.made, a message message.sent.",
    )
    guide: Guide = ""


_STEPS: list[dict[str, Any]] = [
    {"id": "call", "title": "Call them", "kind": "call", "hours": 2, "guide": "Ask why."},
    {"id": "write", "title": "Write to them", "kind": "email", "days": 2, "grace": 48},
]


class SequenceBody(BaseModel):
    """A sequence; steps stand in the order in which they are due."""

    model_config = example(
        title="First contact",
        steps=_STEPS,
        starts=[{"pipeline": "sales", "stage": "new"}],
        ends="stage",
    )

    title: Text
    steps: Annotated[list[StepBody], Field(max_length=100)]
    starts: Annotated[list[StartBody], Field(max_length=100)] = Field(
        [], description="Any of these starts it; none: by hand alone."
    )
    ends: Ends = Field(
        "closed",
        description="What is left is off once the lead is closed; `stage`: also once it leaves "
        "the stage in which the sequence started.",
    )


class TacticBody(BaseModel):
    """What to do in a stage, or on an objection."""

    model_config = example(
        title="Samples",
        text="Send two of what they asked for, with the price per year.",
        pipelines=["sales"],
        stages=["proposal", "negotiation"],
        objections=["too dear"],
    )

    title: Text
    text: Guide
    pipelines: Annotated[list[Text], Field(max_length=100)] = []
    stages: Annotated[list[Text], Field(max_length=100)] = []
    objections: Annotated[list[Text], Field(max_length=100)] = []


class Begin(BaseModel):
    model_config = example(sequence="first-contact")

    sequence: Text


class Done(BaseModel):
    model_config = example(note="She will call back on Monday.")

    note: Long = ""


class Postpone(BaseModel):
    model_config = example(due="2026-12-01T09:00:00Z", reason="On holiday until then.")

    due: Moment = Field(description="A moment to come.")
    reason: Line = ""


class Appointment(BaseModel):
    """When and where somebody meets the customer."""

    model_config = example(
        **{"from": "2026-12-01T09:00:00Z", "to": "2026-12-01T10:00:00Z"},
        title="Show the chairs",
        place="1 Tea Lane, Leeds",
    )

    title: Text
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    place: Line = ""


class MoveBody(BaseModel):
    """What changes; without `to` it stays as long as it was."""

    model_config = example(**{"from": "2026-12-02T09:00:00Z"}, reason="Snow.")

    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")
    title: Text | None = None
    place: Line | None = None
    reason: Line = ""


class Use(BaseModel):
    model_config = example(tactic="samples", objection="too dear", note="Sent two.")

    tactic: Text
    objection: Text | None = Field(None, description="One of the tactic's.")
    note: Long = ""


class CalendarBody(BaseModel):
    """A feed to subscribe to."""

    model_config = example(title="My telephone", representative="representative:7")

    title: Text
    representative: Text | None = Field(
        None, description="Whose; only services name somebody, others have their own."
    )
