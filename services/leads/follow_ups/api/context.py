"""What the operations of following up start from: whose, which lead, what a command answers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from fastapi import Request, Response

from services.leads.api.context import (
    answer,
    handler_of,
    lead,
    moment,
    origin_of,
    seen_by,
    sight_of,
    site_of,
)
from services.leads.follow_ups.commands import FollowUpCommand
from services.leads.follow_ups.decider import FOLLOW_UP, PLAYBOOK
from services.leads.follow_ups.decider.follow_up import stream_of
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.follow_ups.states import FollowUp, Playbook, Unplanned
from services.leads.queries.filters import Filter, seen
from shared.auth import Key
from shared.deciding.command_handler import Handled, stale
from shared.deciding.store import Kept
from shared.http import expected_version, wrong_parameter
from shared.idempotency import once


async def playbook_of(request: Request) -> Playbook:
    """Sequences and tactics as they stand."""
    found: Playbook = (await handler_of(request).load(PLAYBOOK, STREAM)).state
    return found


async def follow_ups_of(request: Request, key: Key, id: UUID) -> tuple[Kept, Kept]:
    """A lead that the key may see, and what there is to do for it. Raises NotFound."""
    found = await lead(request, key, id)
    return found, await handler_of(request).load(FOLLOW_UP, stream_of(found.stream))


def whose(key: Key, named: str | None, where: str = "representative") -> str:
    """Who is asked about: services name somebody, all others have their own. Raises."""
    own = seen_by(key)
    if own is None:
        if not named:
            detail = "A service says whose: name a representative, such as `representative:7`."
            raise wrong_parameter(where, "required", detail)
        return named
    if named not in (None, own):
        raise wrong_parameter(where, "not_yours", f"This key is {own}'s: leave it out.")
    return own


async def limited(request: Request, key: Key) -> tuple[Filter, ...]:
    """What limits a key to the leads that it sees."""
    return seen(await sight_of(request, key))


def shown(lead: str, version: int, state: FollowUp) -> dict[str, Any]:
    """What there is to do for a lead, and what is over: the latest of that."""
    if isinstance(state, Unplanned):
        return {"lead": lead, "version": version, "steps": [], "settled": [], "appointments": []}
    return {
        "lead": lead,
        "version": version,
        "steps": [_whole(each) for each in state.pending],
        "settled": [_whole(each) for each in reversed(state.settled)],
        "appointments": [
            {
                "appointment": each.appointment,
                "title": each.title,
                "from": each.since,
                "to": each.until,
                "place": each.place,
            }
            for each in state.booked
        ],
    }


def _whole(found: msgspec.Struct) -> dict[str, Any]:
    """All fields, also those that are not kept where they are as by default."""
    return {name: getattr(found, name) for name in found.__struct_fields__}


Making = Callable[[Kept, Playbook, str], FollowUpCommand]
"""Makes a command of a lead, the playbook and the moment."""


async def begin(
    request: Request, id: UUID, key: Key, making: Making, status: int = 201
) -> Response:
    """What adds something to a lead; once for an Idempotency-Key."""

    async def run() -> Response:
        found, _ = await follow_ups_of(request, key, id)
        command = making(found, await playbook_of(request), moment())
        handled = await handler_of(request).carry_out(
            *(FOLLOW_UP, stream_of(found.stream), command, origin_of(key)),
            partitionkey=str(found.partitionkey),
        )
        return _answer(request, found, handled, status)

    return await once(site_of(request).pool, key, request, run)


async def change(
    request: Request, id: UUID, key: Key, making: Callable[[str], FollowUpCommand]
) -> Response:
    """What changes something of a lead's follow-ups, for the version in If-Match."""

    async def run() -> Response:
        expected = expected_version(request)
        found, kept = await follow_ups_of(request, key, id)
        if kept.version != expected:
            raise stale("follow-up", kept.version)
        handled = await handler_of(request).carry_out(
            *(FOLLOW_UP, kept.stream, making(moment()), origin_of(key)),
            partitionkey=str(found.partitionkey),
            expected=expected,
        )
        return _answer(request, found, handled, 200)

    return await once(site_of(request).pool, key, request, run)


def _answer(request: Request, found: Kept, handled: Handled, status: int) -> Response:
    document = shown(found.stream, handled.version, handled.state)
    return answer(request, handled, str(found.partitionkey), document, status)
