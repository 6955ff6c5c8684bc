"""What operations on prospects start from: who may, which prospect, how one is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Depends, Header, Request

from services.leads.api.context import handler_of, position, site_of
from services.leads.prospects.commands import KeepProspect
from services.leads.prospects.decider import PROSPECT, TARGET_LIST
from services.leads.prospects.decider.knowing import SCOPE, stream_of
from services.leads.prospects.decider.lists import known, open_list
from services.leads.prospects.decider.lists import stream_of as stream_of_list
from services.leads.prospects.events import ProspectKept
from services.leads.prospects.states import Absent, Barred, Closed, Dropped, List, Prospect
from shared.auth import Key, require
from shared.deciding.command_handler import ClaimTaken, CommandHandler, Handled
from shared.deciding.store import Kept, Origin
from shared.errors import Conflict, FieldError, Forbidden, NotFound, Problem

TRIES = 5
"""Times that the customer's prospect is looked for anew where that has just changed."""

AT_ONCE = 100
"""Items of one request that are worked at the same time."""


def _ours(key: Key) -> Key:
    if key.principal.startswith("partner:"):
        raise Forbidden("Prospects are not shown to partners.", code="not_for_partners")
    return key


async def _reader(key: Annotated[Key, Depends(require("read"))]) -> Key:
    return _ours(key)


async def _writer(key: Annotated[Key, Depends(require("write"))]) -> Key:
    return _ours(key)


async def _operator(key: Annotated[Key, Depends(require("ops", "write"))]) -> Key:
    return _ours(key)


Reader = Annotated[Key, Depends(_reader)]
Writer = Annotated[Key, Depends(_writer)]
Operator = Annotated[Key, Depends(_operator)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]


async def prospect(request: Request, id: UUID | str) -> Kept:
    """A prospect as it stands. Raises NotFound."""
    kept = await handler_of(request).load(PROSPECT, str(id))
    if isinstance(kept.state, Absent):
        raise NotFound("There is no such prospect.", code="unknown_prospect")
    return kept


async def target_list(request: Request, name: str, *, is_open: bool = False) -> Kept:
    """A list as it stands. Raises NotFound, and Conflict where it must be open and is not."""
    kept = await handler_of(request).load(TARGET_LIST, stream_of_list(name))
    (open_list if is_open else known)(kept.state)
    return kept


async def keep(
    handler: CommandHandler, command: KeepProspect, subjects: Sequence[str], origin: Origin
) -> Handled:
    """The prospect that the customer is, else a new one; again where that has just changed."""
    fresh = stream_of(command.subject)
    for _ in range(TRIES):
        stream = await handler.holder(SCOPE, subjects) or fresh
        try:
            return await handler.carry_out(
                PROSPECT, stream, command, origin, partitionkey=command.subject
            )
        except ClaimTaken:
            continue  # somebody was faster: theirs is found now
    raise Conflict("This prospect changes all the time; try again.", code="contended")


def is_new(handled: Handled) -> bool:
    """Whether somebody is kept who was not."""
    return any(isinstance(event, ProspectKept) for event in handled.events)


async def each_of(
    wanted: Iterable[Any],
    work: Callable[[int, Any], Awaitable[dict[str, Any]]],
    name: str = "items",
) -> list[dict[str, Any]]:
    """A result of every item, in order: what is wrong with one hurts no other.

    `name` is that of the array in the body, for pointers.

    Raises what is not the fault of an item, such as a database that is away.
    """
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, item: Any) -> dict[str, Any]:
        async with room:
            try:
                return await work(number, item)
            except Problem as problem:
                if problem.status >= 500:
                    raise
                return refused(problem, f"/{name}/{number}")

    made = (one(number, item) for number, item in enumerate(wanted))
    found = await asyncio.gather(*made, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return [each for each in found if not isinstance(each, BaseException)]


def refused(problem: Problem, pointer: str) -> dict[str, Any]:
    """What an item answers that was refused, with pointers into the request."""
    errors = [
        FieldError(f"{pointer}{each.pointer}", each.code, each.detail).as_dict()
        for each in problem.errors
    ]
    found = {"status": problem.status, "code": problem.code, "detail": problem.detail}
    return found | ({"errors": errors} if errors else {}) | problem.extra


def place(request: Request, handled: Handled, subject: str) -> dict[str, str]:
    """The position of what an item changed, where it did."""
    if handled.position is None:
        return {}
    return {"position": position(site_of(request), subject, handled.position)}


def shown(id: str, version: int, state: Prospect) -> dict[str, Any]:
    """A prospect whole."""
    assert not isinstance(state, Absent)
    person = msgspec.to_builtins(state.person)
    reason = state.reason if isinstance(state, Barred | Dropped) else None
    standing = {"state": type(state).__name__.lower(), "reason": reason}
    return {"id": id, "version": version, **standing, **_NOTHING, **person}


_NOTHING: dict[str, Any] = {
    "identifiers": [],
    "organisation": None,
    "fields": {},
    "lists": [],
    "come_back": None,
    "due": False,
    "lead": None,
}


def shown_list(version: int, state: List) -> dict[str, Any]:
    """A list, and how far it is filled."""
    found = known(state)
    open_ = "filling" if found.filling else "ready"
    return {
        "name": found.name,
        "version": version,
        "purpose": found.purpose,
        "since": found.since,
        "filters": dict(sorted(found.filters.items())),
        "state": "closed" if isinstance(state, Closed) else open_,
        "seen": found.seen,
        "kept": found.kept,
    }
