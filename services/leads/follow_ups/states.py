"""What there is to do for a lead, what it is made by, who may read it as a calendar."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from services.leads.follow_ups.events import Means, Sequence, Tactic

Ended = Literal["done", "skipped", "cancelled"]


class Pending(Struct, frozen=True, omit_defaults=True):
    """A step that is to be done; `until`: the stage with which it is off."""

    step: int
    sequence: str
    id: str
    title: str
    kind: Means
    since: str
    due: str
    overdue: str
    state: Literal["pending", "due", "overdue"] = "pending"
    completed_by: tuple[str, ...] = ()
    guide: str = ""
    until: str | None = None


class Settled(Struct, frozen=True, omit_defaults=True):
    """A step that was done, or is not going to be."""

    step: int
    sequence: str
    id: str
    title: str
    kind: Means
    due: str
    state: Ended
    at: str
    by: str | None = None
    interaction: str | None = None
    reason: str = ""


class Booked(Struct, frozen=True, omit_defaults=True):
    """An appointment that was neither kept nor cancelled."""

    appointment: str
    title: str
    since: str
    until: str
    place: str = ""


class Unplanned(Struct, frozen=True, tag=True):
    """Nothing was ever to be done."""


class Followed(Struct, frozen=True, tag=True, omit_defaults=True):
    """`steps` is how many there ever were; of those `settled` the latest are kept."""

    lead: str
    pipeline: str
    subject: str
    owner: str | None = None
    steps: int = 0
    pending: tuple[Pending, ...] = ()
    settled: tuple[Settled, ...] = ()
    booked: tuple[Booked, ...] = ()


FollowUp = Unplanned | Followed


class WrittenSequence(Struct, frozen=True, omit_defaults=True):
    """With its version, of which it has another one once it is retired."""

    version: int
    sequence: Sequence
    retired: bool = False


class WrittenTactic(Struct, frozen=True, omit_defaults=True):
    version: int
    tactic: Tactic
    retired: bool = False


class Playbook(Struct, frozen=True, omit_defaults=True):
    """Sequences and tactics by name."""

    sequences: Mapping[str, WrittenSequence] = {}
    tactics: Mapping[str, WrittenTactic] = {}


class Calendar(Struct, frozen=True):
    """A feed that is open to whoever has the token."""

    calendar: str
    title: str
    digest: str
    since: str


class Calendars(Struct, frozen=True, omit_defaults=True):
    """The open feeds of somebody."""

    owner: str = ""
    open: tuple[Calendar, ...] = ()
