"""The facts of following up: what is to be done for a lead, what was, and what it is made by."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from services.leads.events import Fact

Means = Literal["call", "email", "letter", "visit", "message", "task"]
"""What a step is."""

Ends = Literal["closed", "stage"]
"""When what is left of a sequence is off: once the lead is closed, or leaves its stage too."""


class Start(Struct, frozen=True, omit_defaults=True):
    """A sequence starts by itself where all that is given holds: at least a pipeline or a source.

    With a `stage`, when a lead enters it; without, when the lead begins. `source` is a beginning.
    """

    pipeline: str | None = None
    stage: str | None = None
    source: str | None = None


class Step(Struct, frozen=True, omit_defaults=True):
    """A step: what to do so many `days` (of 24 hours) and `hours` after the sequence started.

    It is overdue `grace` hours later. `completed_by`: the types of interaction that complete it;
    empty: those of its kind.
    """

    id: str
    title: str
    kind: Means
    days: int = 0
    hours: int = 0
    grace: int = 24
    completed_by: tuple[str, ...] = ()
    guide: str = ""


class Sequence(Struct, frozen=True, omit_defaults=True):
    """Steps in the order of their time; without `starts`, started by hand alone."""

    title: str
    steps: tuple[Step, ...]
    starts: tuple[Start, ...] = ()
    ends: Ends = "closed"


class Tactic(Struct, frozen=True, omit_defaults=True):
    """What to do in some `stages` or on some `objections`; empty: in any, on none."""

    title: str
    text: str
    pipelines: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()


class SequenceDefined(Fact, frozen=True):
    """A sequence is this from now on; what was started goes on as it was."""

    name: str
    version: int
    sequence: Sequence


class SequenceRetired(Fact, frozen=True):
    """A sequence is started no more."""

    name: str
    reason: str = ""


class TacticDefined(Fact, frozen=True):
    """A tactic is this from now on."""

    name: str
    version: int
    tactic: Tactic


class TacticRetired(Fact, frozen=True):
    """A tactic is used no more."""

    name: str
    reason: str = ""


class Planned(Struct, frozen=True, omit_defaults=True):
    """A step of a lead, by its number among all that the lead ever had.

    From `since` an interaction may complete it: the moment at which the step before it is due.
    """

    step: int
    id: str
    title: str
    kind: Means
    since: str
    due: str
    overdue: str
    completed_by: tuple[str, ...] = ()
    guide: str = ""


class FollowUpStarted(Fact, frozen=True):
    """A sequence of that version was started for a lead; with a `stage`, until it leaves that."""

    lead: str
    pipeline: str
    subject: str
    sequence: str
    version: int
    why: str
    steps: tuple[Planned, ...]
    owner: str | None = None
    stage: str | None = None


class FollowUpEnded(Fact, frozen=True):
    """These steps are off."""

    reason: str
    steps: tuple[int, ...]


class FollowUpHandedOver(Fact, frozen=True):
    """What there is to do is somebody else's."""

    owner: str
    before: str | None = None


class StepFellDue(Fact, frozen=True):
    """The moment of a step came: the reminder of whoever owns the lead."""

    step: int
    due: str
    overdue: str
    owner: str | None = None


class StepBecameOverdue(Fact, frozen=True):
    """A step was due, and was not done in time."""

    step: int
    overdue: str
    owner: str | None = None


class StepDone(Fact, frozen=True):
    """A step was done: by an interaction of that type (its 128-bit name), or by hand without one.

    `by`: who did it, as the interaction names its employee, or the principal.
    """

    step: int
    by: str | None = None
    interaction: str | None = None
    type: str | None = None
    note: str = ""


class StepSkipped(Fact, frozen=True):
    """A step is not going to be done."""

    step: int
    reason: str


class StepPostponed(Fact, frozen=True):
    """A step is due at another moment than before."""

    step: int
    due: str
    overdue: str
    before: str
    reason: str = ""


class AppointmentMade(Fact, frozen=True):
    """Somebody is going to meet the customer of a lead, from `since` until `until`."""

    appointment: str
    lead: str
    pipeline: str
    subject: str
    title: str
    since: str
    until: str
    place: str = ""
    owner: str | None = None


class AppointmentMoved(Fact, frozen=True):
    """An appointment is at another time or place."""

    appointment: str
    title: str
    since: str
    until: str
    place: str = ""
    reason: str = ""


class AppointmentCancelled(Fact, frozen=True):
    appointment: str
    reason: str


class AppointmentKept(Fact, frozen=True):
    """They met."""

    appointment: str
    note: str = ""


class TacticUsed(Fact, frozen=True):
    """A tactic of that version was used on an open lead in a stage, perhaps on an objection."""

    tactic: str
    version: int
    lead: str
    pipeline: str
    subject: str
    stage: str
    objection: str | None = None
    note: str = ""
    owner: str | None = None


class CalendarOpened(Fact, frozen=True):
    """What somebody has to do can be read by whoever has the token of this digest (SHA-256)."""

    calendar: str
    owner: str
    title: str
    digest: str


class CalendarRevoked(Fact, frozen=True):
    """The token of a calendar opens nothing any more."""

    calendar: str
    owner: str


FollowUpEvent = (
    FollowUpStarted
    | FollowUpEnded
    | FollowUpHandedOver
    | StepFellDue
    | StepBecameOverdue
    | StepDone
    | StepSkipped
    | StepPostponed
    | AppointmentMade
    | AppointmentMoved
    | AppointmentCancelled
    | AppointmentKept
    | TacticUsed
)
PlaybookEvent = SequenceDefined | SequenceRetired | TacticDefined | TacticRetired
CalendarEvent = CalendarOpened | CalendarRevoked

FOLLOW_UP_EVENTS: Mapping[str, type[FollowUpEvent]] = {
    "follow_up.started": FollowUpStarted,
    "follow_up.ended": FollowUpEnded,
    "follow_up.handed_over": FollowUpHandedOver,
    "step.fell_due": StepFellDue,
    "step.became_overdue": StepBecameOverdue,
    "step.done": StepDone,
    "step.skipped": StepSkipped,
    "step.postponed": StepPostponed,
    "appointment.made": AppointmentMade,
    "appointment.moved": AppointmentMoved,
    "appointment.cancelled": AppointmentCancelled,
    "appointment.kept": AppointmentKept,
    "tactic.used": TacticUsed,
}
PLAYBOOK_EVENTS: Mapping[str, type[PlaybookEvent]] = {
    "sequence.defined": SequenceDefined,
    "sequence.retired": SequenceRetired,
    "tactic.defined": TacticDefined,
    "tactic.retired": TacticRetired,
}
CALENDAR_EVENTS: Mapping[str, type[CalendarEvent]] = {
    "calendar.opened": CalendarOpened,
    "calendar.revoked": CalendarRevoked,
}
