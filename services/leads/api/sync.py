"""Devices that were offline: what was done on them is carried out, what changed meanwhile told."""

from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.leads.api import examples
from services.leads.api.bodies import example
from services.leads.api.bulk import MOST, in_turns, problem_of
from services.leads.api.capturing import Writer
from services.leads.api.changes import visible_to
from services.leads.api.context import handler_of, sight_of, site_of
from services.leads.api.offline import Chain, Offline, Work, outcome, read, refusal
from services.leads.decider import LEAD
from services.leads.queries.carried_out import carried_out
from shared.clock import now
from shared.deciding.changes import Feed
from shared.documents import answers
from shared.errors import FieldError, NotReady, Problem, Unprocessable
from shared.http import json_response
from shared.idempotency import once_named
from shared.parameters import Name

router = APIRouter(tags=["leads"])

_ID, _OTHER = examples.LEAD["id"], "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8e"
_AT = "2026-11-02T09:30:00Z"
_MOVE = {"id": "17", "lead": _ID, "kind": "move", "version": 2, "made": _AT}
_VISIT = {"id": "18", "lead": _OTHER, "kind": "visit", "made": _AT}
_REPORT = {"text": "Saw the kitchen.", "outcome": "interested", "next_step": "Send samples."}
RESULTS: dict[str, Any] = {
    "results": [
        {
            "id": "17",
            "lead": _ID,
            "outcome": "conflict",
            "status": 412,
            "code": "stale",
            "detail": "It was changed meanwhile. Version 3 stands. Read it again.",
            "present": {name: examples.LEAD[name] for name in examples.LEAD if name != "position"},
        },
        {
            "id": "18",
            "lead": _OTHER,
            "outcome": "done",
            "status": 200,
            "version": 6,
            "events": 1,
            "position": "leads.events/3/1042",
        },
    ],
    "changes": examples.CHANGES,
}


class Sync(BaseModel):
    """What a device has to tell, and from where on it wants to be told."""

    model_config = example(
        device="tablet-7",
        commands=[_MOVE | {"body": {"stage": "proposal"}}, _VISIT | {"body": _REPORT}],
        after="1041",
    )

    device: Name = Field(description="Its name: ids of commands are its own.")
    commands: Annotated[list[dict[str, Any]], Field(max_length=MOST)] = Field(
        [],
        description="In the order in which they were made; each has `id`, `lead`, `kind` "
        "(describe, move, assign, win, lose, reopen, note, visit), `made` (RFC 3339), `version` "
        "(of the lead as the device had it from here; not needed for note and visit) and `body`, "
        "as the operation of that kind takes it.",
    )
    after: str = Field(
        "latest",
        pattern=r"^(latest|\d{1,18})$",
        description="`changes.next` of the last answer; `latest`: only where the changes end.",
    )
    limit: int = Field(100, ge=1, le=200, description="Changes in the answer.")


@router.post(
    "/v1/leads/sync",
    summary="Send what was done offline, get what changed",
    responses=answers(RESULTS, 400, 413),
    response_class=Response,
)
async def sync(request: Request, body: Sync, key: Writer) -> Response:
    """Up to 200 commands that a device made, with a result for each, then a page of changes.

    `outcome` is `done` (with the `version` it came to, by how many `events`), `conflict` (somebody
    changed the lead meanwhile: `present` is the lead as it stands) or `refused` (a problem:
    `status`, `code`, `errors` that point into this request; 503: send it again). Commands to one
    lead are carried out in order and build on one another: all name the `version` that the device
    had from here, and hold upon what those before came to; after one that was not done the rest are
    refused (424 `builds_on_refused`). Notes and visits build on nothing and need no version. What a
    command says happened when it was `made`: at most 30 days ago, else 422 `too_old`; not still to
    come, else `future` (a clock may be five minutes ahead); and never before the lead came to its
    stage. A command's `id` counts once for a device and key: sent again, alone or with its batch,
    it has the same result for 24 hours, and what was done is not done again ever.

    `changes` are the events of leads that the key sees, in order, after `after`, as `GET
    /v1/leads/changes` gives them, those just done among them; `next` is where to go on, until it
    stays as it is. A lead that was given to somebody else meanwhile is not seen any more: commands
    to it are refused with 404.
    """
    sight = await sight_of(request, key)
    after = await _changes_after(request, body)
    found = [read(each, number) for number, each in enumerate(body.commands)]
    names = [each for each in found if isinstance(each, Offline)]
    work = Work(request, key, body.device, sight, now())
    async with site_of(request).pool.acquire() as connection:
        streams = sorted({str(each.lead) for each in names})
        causes = [work.cause(each) for each in names]
        work.before.update(await carried_out(connection, streams, causes))

    async def one(number: int) -> dict[str, Any]:
        return await _result(work, found[number], body.commands[number], number)

    results = await in_turns([_lead(each) for each in body.commands], one)
    feed: Feed = request.app.state.feed
    await feed.end(at_least=max((_place(each) for each in results), default=0))
    visible = visible_to(handler_of(request), sight)
    page = await feed.page(after, body.limit, (LEAD.category,), visible)
    changes = {"data": [msgspec.Raw(each.record) for each in page.changes], "next": str(page.next)}
    return json_response({"results": results, "changes": changes})


async def _changes_after(request: Request, body: Sync) -> int:
    """Where the changes begin; a position that there is not is refused before anything is done."""
    feed: Feed = request.app.state.feed
    after = await feed.end() if body.after == "latest" else int(body.after)
    await feed.page(after, 1, (LEAD.category,))
    return after


def _place(result: dict[str, Any]) -> int:
    """How far the events had come with what was just done."""
    found: str = result.get("position", "0")
    return int(found.rpartition("/")[2])


def _lead(given: dict[str, Any]) -> str:
    """What its commands build on: the lead, however it is spelt."""
    named = str(given.get("lead"))
    try:
        return str(UUID(named))
    except ValueError:
        return named


async def _result(
    work: Work, command: Offline | Problem, given: dict[str, Any], number: int
) -> dict[str, Any]:
    """What comes of a command, which what builds on it goes on from."""
    chain, at = work.chains.setdefault(_lead(given), Chain()), f"/commands/{number}"
    if isinstance(command, Problem):
        found = refusal(given, command, at)
    else:
        found = await _once(work, command, chain, at)
    chain.follow(str(given.get("id")), str(given.get("kind")), found)
    return found


async def _once(work: Work, command: Offline, chain: Chain, at: str) -> dict[str, Any]:
    """Once for the command's id: what was stored, or what it comes to now."""

    async def run() -> Response:
        found = await outcome(work, command, chain, at)
        return Response(msgspec.json.encode(found), found["status"])

    name = f"{work.key.name}/sync/{work.device}/{command.id}"
    fingerprint = sha256(command.model_dump_json().encode()).digest()
    try:
        answer = await once_named(site_of(work.request).pool, name, fingerprint, run)
    except Exception as error:
        return refusal(command.model_dump(mode="json"), _said(problem_of(error)), at)
    found: dict[str, Any] = msgspec.json.decode(bytes(answer.body))
    return found


def _said(problem: Problem) -> Problem:
    """In the words of a device: it knows of no Idempotency-Key."""
    if problem.code == "idempotency_key":
        detail = "This id was given to another command before."
        return Unprocessable(
            detail, code="id_taken", errors=(FieldError("/id", "id_taken", detail),)
        )
    if problem.code == "idempotency_running":
        return NotReady("This command is being carried out.", code="running")
    return problem
