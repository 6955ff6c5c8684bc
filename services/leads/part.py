"""A part of leads: what one subject matter - prospects, quotes, goals - adds to the service."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fastapi import APIRouter

from services.leads.made_by import MadeBy
from shared.decider import Decider
from shared.deciding.command_handler import CommandHandler
from shared.deciding.policies import Reaction
from shared.leases import Single
from shared.literals import Row
from shared.merging import Merge
from shared.projection import Event
from shared.service import Site, no_singles

SOURCE = "/leads"
"""The source of all that leads decides."""

Rows = Iterable[tuple[str, Row]]
"""Rows of a view, each with the name of its table."""


class Begun(NamedTuple):
    """A stream that is there from the first start, by the command that begins it."""

    decider: Decider[Any, Any, Any]
    stream: str
    command: Any


Bars = Callable[[CommandHandler, Sequence[str]], Awaitable[bool]]
"""Whether the customer of these subjects, all that there are, is not to be contacted."""


def _nothing(at: str) -> Iterable[Begun]:
    return ()


@dataclass(frozen=True)
class Part:
    """What a part decides, keeps in the view, does of its own accord and answers.

    `project` and `react` are pure, by the class of what they look at: an event of `deciders`, of
    another part's, `inbound.Interaction` or `inbound.Belongs`. `project` says which rows of
    `tables` an event that counts comes to; `react` what a policy wants of it, None where it is
    none of its business. Several parts may look at one class. `singles` are each kept up by one
    worker of the schema that serves: timers, and what else goes on in the background;
    `singles_of` are those that need what the service has at hand. `begin` says, for a moment, what
    streams there are from the first start. `made_by` says, of each of `tables` by name, which
    events made a row, so that whoever finds a difference sees them. `bars` says who is not to be
    contacted: of them mere interest opens no lead.
    """

    routers: tuple[APIRouter, ...] = ()
    paths: tuple[str, ...] = ()
    deciders: tuple[Decider[Any, Any, Any], ...] = ()
    tables: tuple[Merge, ...] = ()
    project: Mapping[type, Callable[[Event], Rows]] = field(default_factory=dict)
    react: Mapping[type, Callable[[Event], Sequence[Reaction] | None]] = field(default_factory=dict)
    singles: tuple[Single, ...] = ()
    singles_of: Callable[[Site], Sequence[Single]] = no_singles
    begin: Callable[[str], Iterable[Begun]] = _nothing
    made_by: Mapping[str, MadeBy] = field(default_factory=dict)
    bars: tuple[Bars, ...] = ()
