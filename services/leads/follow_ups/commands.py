"""What may be asked of following up; `at` is when. `known` is the lead as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.leads.follow_ups.events import Sequence, Tactic
from services.leads.follow_ups.states import Playbook
from services.leads.states import Lead, Pipeline


@dataclass(frozen=True, kw_only=True)
class ReachStage:
    """A lead came into a stage; `begins`: it was captured. It was `recorded` then."""

    lead: str
    known: Lead
    playbook: Playbook
    stage: str
    begins: bool
    recorded: str
    at: str


@dataclass(frozen=True, kw_only=True)
class StartSequence:
    """By hand."""

    lead: str
    known: Lead
    playbook: Playbook
    sequence: str
    at: str


@dataclass(frozen=True, kw_only=True)
class EndFollowUps:
    """Nothing is to be done any more."""

    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class HandOver:
    owner: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Remind:
    """A moment of a step came."""

    step: int
    moment: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Interact:
    """Something happened with the customer: the earliest step that it completes is done."""

    type: str
    interaction: str
    at: str
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class FinishStep:
    step: int
    by: str
    at: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class SkipStep:
    step: int
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class PostponeStep:
    step: int
    due: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class MakeAppointment:
    appointment: str
    lead: str
    known: Lead
    title: str
    since: str
    until: str
    at: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class MoveAppointment:
    """What is None stays."""

    appointment: str
    at: str
    since: str | None = None
    until: str | None = None
    title: str | None = None
    place: str | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CancelAppointment:
    appointment: str
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class KeepAppointment:
    appointment: str
    at: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class UseTactic:
    lead: str
    known: Lead
    playbook: Playbook
    tactic: str
    at: str
    objection: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class BeginPlaybook:
    """The sequences that there are from the first start."""

    sequences: Mapping[str, Sequence]
    at: str


@dataclass(frozen=True, kw_only=True)
class DefineSequence:
    """`pipelines`: those that it names, as they stand."""

    name: str
    sequence: Sequence
    pipelines: Mapping[str, Pipeline]
    at: str


@dataclass(frozen=True, kw_only=True)
class RetireSequence:
    name: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DefineTactic:
    name: str
    tactic: Tactic
    at: str


@dataclass(frozen=True, kw_only=True)
class RetireTactic:
    name: str
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenCalendar:
    """`digest` is of a token that is told once."""

    calendar: str
    owner: str
    title: str
    digest: str
    at: str


@dataclass(frozen=True, kw_only=True)
class RevokeCalendar:
    calendar: str
    owner: str
    at: str


FollowUpCommand = (
    ReachStage
    | StartSequence
    | EndFollowUps
    | HandOver
    | Remind
    | Interact
    | FinishStep
    | SkipStep
    | PostponeStep
    | MakeAppointment
    | MoveAppointment
    | CancelAppointment
    | KeepAppointment
    | UseTactic
)
PlaybookCommand = BeginPlaybook | DefineSequence | RetireSequence | DefineTactic | RetireTactic
CalendarCommand = OpenCalendar | RevokeCalendar
