"""Entries of the playbook changed: each for its own version, though all are in one stream."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Path, Request, Response

from services.leads.api.context import handler_of, origin_of, position, site_of
from services.leads.follow_ups import commands
from services.leads.follow_ups.completing import BY_KIND
from services.leads.follow_ups.decider import PLAYBOOK
from services.leads.follow_ups.decider.playbook import STREAM
from services.leads.follow_ups.states import Playbook, WrittenSequence, WrittenTactic
from shared.auth import Key, require
from shared.deciding.command_handler import stale
from shared.errors import NotFound, PreconditionFailed
from shared.http import expected_version, json_response, version_tag
from shared.parameters import Line

Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
Name = Annotated[Line, Path(min_length=1, max_length=64)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]
CHANGED = (400, 404, 409, 412, 413, 428)

TRIES = 5
"""Times that a change is tried anew where another entry was changed meanwhile."""

Written = WrittenSequence | WrittenTactic
OfSequences = commands.DefineSequence | commands.RetireSequence
OfTactics = commands.DefineTactic | commands.RetireTactic


async def written(request: Request) -> Playbook:
    """Sequences and tactics as they stand."""
    found: Playbook = (await handler_of(request).load(PLAYBOOK, STREAM)).state
    return found


async def carry_out(
    request: Request, name: str, command: OfSequences | OfTactics, key: Key
) -> Response:
    """What is there already is changed for the version in If-Match."""
    handler = handler_of(request)
    for _ in range(TRIES):
        kept = await handler.load(PLAYBOOK, STREAM)
        before = _entry(kept.state, name, command)
        if before is not None and before.version != expected_version(request):
            raise stale("sequence or tactic", before.version)
        try:
            handled = await handler.carry_out(
                *(PLAYBOOK, STREAM, command, origin_of(key)),
                partitionkey=STREAM,
                expected=kept.version,
            )
        except PreconditionFailed:
            continue
        found = _entry(handled.state, name, command)
        assert found is not None
        after = handled.position
        place = {} if after is None else {"position": position(site_of(request), STREAM, after)}
        return json_response(shown(name, found) | place, headers=tagged(found))
    raise stale("sequence or tactic", None)


def one(name: str, found: Written | None) -> Response:
    """An entry with its ETag. Raises NotFound."""
    if found is None:
        raise NotFound("There is nothing of that name.")
    return json_response(shown(name, found), headers=tagged(found))


def tagged(found: Written) -> dict[str, str]:
    return {"ETag": version_tag(found.version)}


def shown(name: str, found: Written) -> dict[str, Any]:
    """An entry whole; `completed_by` also where it follows from the kind of the step."""
    head = {"name": name, "version": found.version, "retired": found.retired}
    if isinstance(found, WrittenTactic):
        return head | _whole(found.tactic)
    sequence = found.sequence
    steps = [
        _whole(each) | {"completed_by": each.completed_by or BY_KIND[each.kind]}
        for each in sequence.steps
    ]
    starts = [_whole(each) for each in sequence.starts]
    return head | _whole(sequence) | {"steps": steps, "starts": starts}


def _entry(
    state: Playbook, name: str, command: OfSequences | OfTactics
) -> WrittenSequence | WrittenTactic | None:
    entries = state.tactics if isinstance(command, OfTactics) else state.sequences
    return entries.get(name)


def _whole(found: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}
