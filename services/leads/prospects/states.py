"""What prospects, target lists and the rules of reactivation are after their events."""

from collections.abc import Mapping

from msgspec import Struct

from services.leads.events import Field
from services.leads.prospects.events import Return, Why
from shared.messages import Identifier


class Person(Struct, frozen=True, omit_defaults=True):
    """What is known of a prospect.

    `come_back` is when it is due, and `due` whether that moment came; `into` the pipeline in which
    a lead then begins; `lead` the one it was promoted into last.
    """

    subject: str
    name: str
    source: str
    kept: str
    identifiers: tuple[Identifier, ...] = ()
    organisation: str | None = None
    fields: Mapping[str, Field] = {}
    lists: tuple[str, ...] = ()
    come_back: str | None = None
    due: bool = False
    into: str | None = None
    lead: str | None = None


class Absent(Struct, frozen=True, tag=True):
    """There is no such prospect."""


class Waiting(Struct, frozen=True, tag=True):
    person: Person


class Barred(Struct, frozen=True, tag=True):
    """Not to be contacted."""

    person: Person
    reason: str
    by: Why = "command"


class Promoted(Struct, frozen=True, tag=True):
    """A lead is worked on."""

    person: Person
    lead: str


class Dropped(Struct, frozen=True, tag=True):
    person: Person
    reason: str


Prospect = Absent | Waiting | Barred | Promoted | Dropped


class Undefined(Struct, frozen=True, tag=True):
    """There is no such list."""


class TargetList(Struct, frozen=True, tag=True):
    """A list; `filling` from the profile, where `cursor` says what comes next."""

    name: str
    purpose: str
    since: str
    filters: Mapping[str, str] = {}
    filling: bool = False
    cursor: str | None = None
    seen: int = 0
    kept: int = 0
    steps: int = 0


class Closed(Struct, frozen=True, tag=True):
    was: TargetList
    reason: str


List = Undefined | TargetList | Closed


class Unruled(Struct, frozen=True, tag=True):
    """No lost lead returns of its own accord."""


class Ruled(Struct, frozen=True, tag=True):
    version: int
    rules: tuple[Return, ...]


Reactivation = Unruled | Ruled
