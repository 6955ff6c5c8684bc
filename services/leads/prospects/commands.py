"""What may be asked of prospects, target lists and the rules of reactivation; `at` is when."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import UNSET, UnsetType

from services.leads.events import Field
from services.leads.prospects.events import Return, Why
from services.leads.prospects.states import Reactivation
from services.leads.states import Lead
from shared.messages import Identifier


@dataclass(frozen=True, kw_only=True)
class KeepProspect:
    """Keep somebody, or fill in what is lacking of one who is kept; `list` is where it comes to.

    One who was promoted or dropped waits again. One who is barred stays so.
    """

    subject: str
    name: str
    source: str
    at: str
    identifiers: tuple[Identifier, ...] = ()
    organisation: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    come_back: str | None = None
    list: str | None = None


@dataclass(frozen=True, kw_only=True)
class DescribeProspect:
    """Change what is known; None takes a value away."""

    at: str
    name: str | UnsetType = UNSET
    organisation: str | UnsetType | None = UNSET
    fields: Mapping[str, Field | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PutOffProspect:
    """To a date that is still to come; None: to no date."""

    come_back: str | None
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CallUp:
    """A date to come back came."""

    due: str
    at: str


@dataclass(frozen=True, kw_only=True)
class BarProspect:
    """Also where nobody is kept there: whoever comes to be is barred then."""

    subject: str
    reason: str
    at: str
    by: Why = "command"
    identifiers: tuple[Identifier, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReleaseProspect:
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class PromoteProspect:
    """To be appended together with what the lead has of it."""

    lead: str
    pipeline: str
    at: str


@dataclass(frozen=True, kw_only=True)
class NoticeLead:
    """Its customer has a lead by now, whoever began it."""

    lead: str
    pipeline: str
    at: str


@dataclass(frozen=True, kw_only=True)
class DropProspect:
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class UnlistProspect:
    list: str
    at: str


@dataclass(frozen=True, kw_only=True)
class BringBack:
    """A lead was lost for a reason: its customer may return by one of the rules."""

    id: str
    lead: Lead
    rules: Reactivation
    at: str


@dataclass(frozen=True, kw_only=True)
class DefineList:
    name: str
    purpose: str
    at: str
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NoteFilled:
    """A step of filling a list, after what was seen with `after`; see TargetListFilled."""

    after: str | None
    seen: int
    kept: int
    cursor: str | None
    at: str


@dataclass(frozen=True, kw_only=True)
class CloseList:
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DefineReactivation:
    rules: tuple[Return, ...]
    at: str


ProspectCommand = (
    KeepProspect
    | DescribeProspect
    | PutOffProspect
    | CallUp
    | BarProspect
    | ReleaseProspect
    | PromoteProspect
    | NoticeLead
    | DropProspect
    | UnlistProspect
    | BringBack
)
ListCommand = DefineList | NoteFilled | CloseList
ReactivationCommand = DefineReactivation
