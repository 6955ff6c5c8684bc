"""One command to many leads: each as if alone, with a result of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.leads.api import bodies, examples
from services.leads.api.bodies import example
from services.leads.api.capturing import IdempotencyKey, Writer
from services.leads.api.context import (
    handler_of,
    moment,
    origin_of,
    pipeline,
    position,
    sight_of,
    site_of,
    to_change,
)
from services.leads.api.making import WAYS, Kind
from services.leads.decider import LEAD
from services.leads.seeing import Sight
from shared.auth import Key
from shared.database import is_transient
from shared.deciding.command_handler import Handled, stale
from shared.deciding.store import Kept
from shared.documents import answers
from shared.errors import DatabaseUnavailable, FieldError, PreconditionFailed, Problem
from shared.http import away, json_response
from shared.idempotency import once

MOST = 200
"""Leads of one request."""

AT_ONCE = 50
"""Leads that are worked on at the same time, so that their events are appended together."""

router = APIRouter(tags=["leads"])
Version = Annotated[int, Field(ge=1, le=2**31 - 1, description="Of the lead as it was seen.")]
_EXAMPLE: Any = {"id": examples.LEAD["id"], "version": 3}


class _Named(BaseModel):
    """One of the leads."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    version: Version


class MovedItem(_Named, bodies.Move):
    model_config = ConfigDict(extra="forbid")


class AssignedItem(_Named, bodies.Assign):
    model_config = ConfigDict(extra="forbid")


class LostItem(_Named, bodies.Lose):
    model_config = ConfigDict(extra="forbid")


class Moves(BaseModel):
    model_config = example(items=[_EXAMPLE | {"stage": "proposal", "reason": "Asked for one."}])

    items: Annotated[list[MovedItem], Field(min_length=1, max_length=MOST)]


class Assignments(BaseModel):
    model_config = example(items=[_EXAMPLE | {"owner": "representative:7", "reason": "Is back."}])

    items: Annotated[list[AssignedItem], Field(min_length=1, max_length=MOST)]


class Losses(BaseModel):
    model_config = example(items=[_EXAMPLE | {"reason": "price", "competitor": "Acme"}])

    items: Annotated[list[LostItem], Field(min_length=1, max_length=MOST)]


RESULTS: dict[str, Any] = {
    "data": [
        {
            **{name: examples.LEAD[name] for name in ("id", "version")},
            "status": 200,
            "position": examples.LEAD["position"],
        },
        {
            "id": "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8e",
            "version": 5,
            "status": 409,
            "code": "move_not_allowed",
            "detail": "From 'new' a lead may go to: qualified; not to 'proposal'.",
            "errors": [
                {
                    "pointer": "/items/1/stage",
                    "code": "move_not_allowed",
                    "detail": "From 'new' a lead may go to: qualified; not to 'proposal'.",
                }
            ],
        },
    ]
}
_ANSWERS: Any = answers(RESULTS, 400, 409, 413)


@router.post(
    "/v1/leads/move",
    summary="Move many leads",
    responses=_ANSWERS,
    response_class=Response,
)
async def move_many(
    request: Request, body: Moves, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """Up to 200 leads, each for the `version` that was seen, each as if it was moved alone.

    A result for each, in order: `status` is what moving it alone would answer - 200, 404, 409, 412
    where it was changed meanwhile, 422 - with `version` as it stands, `position` where it moved,
    else `code`, `detail` and `errors` that point into this request. 503: whether it was moved is
    not known; read it. A lead that is named twice is worked on in order. One Idempotency-Key
    stands for all of it: the same request again gives the same results.
    """
    return await _each(request, key, "move", body.items)


@router.post(
    "/v1/leads/assign",
    summary="Give many leads to somebody",
    responses=_ANSWERS,
    response_class=Response,
)
async def assign_many(
    request: Request, body: Assignments, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """Up to 200 leads, with a result for each, as `POST /v1/leads/move` gives them."""
    return await _each(request, key, "assign", body.items)


@router.post(
    "/v1/leads/lose",
    summary="Lose many leads",
    responses=_ANSWERS,
    response_class=Response,
)
async def lose_many(
    request: Request, body: Losses, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """Up to 200 leads, with a result for each, as `POST /v1/leads/move` gives them."""
    return await _each(request, key, "lose", body.items)


async def _each(request: Request, key: Key, kind: Kind, items: Sequence[_Named]) -> Response:
    async def run() -> Response:
        sight = await sight_of(request, key)

        async def one(number: int) -> dict[str, Any]:
            return await _one(request, key, sight, kind, items[number], f"/items/{number}")

        named = [str(item.id) for item in items]
        return json_response({"data": await in_turns(named, one)})

    return await once(site_of(request).pool, key, request, run)


async def in_turns(
    leads: Sequence[str], work: Callable[[int], Awaitable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """What comes of each number, in order; those of one lead one after the other."""
    room, found = asyncio.Semaphore(AT_ONCE), [dict[str, Any]()] * len(leads)
    chains: dict[str, list[int]] = {}
    for number, lead in enumerate(leads):
        chains.setdefault(lead, []).append(number)

    async def along(chain: Sequence[int]) -> None:
        async with room:
            for number in chain:
                found[number] = await work(number)

    async with asyncio.TaskGroup() as together:
        for chain in chains.values():
            together.create_task(along(chain))
    return found


async def _one(
    request: Request, key: Key, sight: Sight | None, kind: Kind, item: _Named, pointer: str
) -> dict[str, Any]:
    kept: Kept | None = None
    try:
        kept = await seen(request, sight, str(item.id))
        if kept.version != item.version:
            raise stale("lead", kept.version)
        found = await pipeline(request, kept.state.lead.pipeline)
        handled = await handler_of(request).carry_out(
            *(LEAD, kept.stream, WAYS[kind].make(item, found, moment()), origin_of(key)),
            partitionkey=str(kept.partitionkey),
            expected=item.version,
        )
    except Exception as error:
        problem = problem_of(error)
        if problem.status == PreconditionFailed.status and kept is not None:
            kept = await handler_of(request).load(LEAD, kept.stream)
        version = {"version": kept.version} if kept else {}
        return {"id": str(item.id), **version, **refused(problem, pointer)}
    return {"id": str(item.id), **done(request, handled, str(kept.partitionkey))}


async def seen(request: Request, sight: Sight | None, id: str) -> Kept:
    """A lead to work on, as it stands. Raises NotFound, Forbidden."""
    return to_change(await handler_of(request).load(LEAD, id), sight)


def done(request: Request, handled: Handled, subject: str) -> dict[str, Any]:
    """The result of a command that was carried out."""
    found: dict[str, Any] = {"version": handled.version, "status": 200}
    if handled.position is not None:
        found["position"] = position(site_of(request), subject, handled.position)
    return found


def problem_of(error: Exception) -> Problem:
    """What is the fault of one item, or of what is away for a while; raises all else again."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DatabaseUnavailable) or is_transient(error):
        return away("The database did not answer: read the lead again.", "database_unavailable")
    raise error


def refused(problem: Problem, pointer: str) -> dict[str, Any]:
    """The result of a command that was not, with pointers into the request."""
    errors = [
        FieldError(f"{pointer}{each.pointer}", each.code, each.detail).as_dict()
        for each in problem.errors
    ]
    said = {"status": problem.status, "code": problem.code, "detail": problem.detail}
    return said | ({"errors": errors} if errors else {}) | problem.extra
