"""A command that a device made offline, and what comes of it: the chain of those to one lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from services.leads.api import shown
from services.leads.api.bulk import Version, done, refused, seen
from services.leads.api.context import handler_of, origin_of, pipeline
from services.leads.api.making import WAYS, Kind
from services.leads.decider import LEAD
from services.leads.decider.checks import text
from services.leads.queries.carried_out import Before
from services.leads.seeing import Sight
from shared.auth import Key
from shared.clock import rfc3339
from shared.deciding.command_handler import Handled, stale
from shared.deciding.store import Kept
from shared.errors import (
    Conflict,
    FieldError,
    Forbidden,
    NotReady,
    PreconditionFailed,
    Problem,
    Unprocessable,
)
from shared.http import field_errors
from shared.ids import event_id
from shared.parameters import Moment, Name

OLDEST, AHEAD = timedelta(days=30), timedelta(minutes=5)
"""How long ago a command may have been made, and how far a device's clock may be ahead."""

ALONE = frozenset({"note", "visit"})
"""What may be added to a lead whatever became of it meanwhile."""


class BuildsOnRefused(Conflict):
    status = 424


class Offline(BaseModel):
    """A command that a device made."""

    model_config = ConfigDict(extra="forbid")

    id: Name
    lead: UUID
    kind: Kind
    made: Moment
    version: Version | None = None
    body: dict[str, Any] = {}


@dataclass
class Chain:
    """The commands to one lead, as far as they came.

    `version` is the one that the device had, `steps` from which version to which each command that
    was done went; upon `broken` nothing builds any more, and where that is `unsettled` it is only
    not known yet whether it was done.
    """

    version: int | None = None
    steps: dict[int, int] = field(default_factory=dict)
    broken: str | None = None
    unsettled: bool = False

    def expected(self, version: int) -> int:
        """What stands where nobody else changed what the device had, but for what it did itself."""
        while (following := self.steps.get(version, version)) != version:
            version = following
        return version

    def follow(self, id: str, kind: str, found: Mapping[str, Any]) -> None:
        """Go on from what came of a command."""
        if found["outcome"] == "done":
            self.steps[found["version"] - found["events"]] = found["version"]
        elif kind not in ALONE and self.broken is None:
            self.broken, self.unsettled = id, found["status"] >= 500


@dataclass
class Work:
    """What the commands of one request have in common; `before` is what was done earlier."""

    request: Request
    key: Key
    device: str
    sight: Sight | None
    present: datetime
    chains: dict[str, Chain] = field(default_factory=dict)
    before: dict[str, Before] = field(default_factory=dict)

    def cause(self, command: Offline) -> str:
        """What the events of a command are correlated by."""
        return event_id("sync", f"{self.key.name}/{self.device}/{command.id}")


def read(given: dict[str, Any], number: int) -> Offline | Problem:
    """A command, or what is wrong with it: that hurts no other."""
    try:
        found = Offline.model_validate(given)
        found.model_dump_json()
    except ValidationError as error:
        return _invalid(error, "")
    except PydanticSerializationError:
        return _wrong("body", "character", "Half a surrogate pair is no text.")
    return found


def _invalid(error: ValidationError, within: str) -> Unprocessable:
    found = field_errors(error.errors(include_url=False, include_input=False))
    wrong = tuple(replace(each, pointer=within + each.pointer) for each in found)
    return Unprocessable(wrong[0].detail, errors=wrong)


async def outcome(work: Work, command: Offline, chain: Chain, at: str) -> dict[str, Any]:
    """What a command comes to: done, conflict or refused. Raises where that is not settled."""
    given = command.model_dump(mode="json")
    try:
        return await _carried_out(work, command, chain)
    except PreconditionFailed as error:
        kept = await seen(work.request, work.sight, str(command.lead))
        present = shown.lead(kept.stream, kept.version, kept.state)
        return refusal(given, error, at) | {"outcome": "conflict", "present": present}
    except Problem as problem:
        if problem.status >= 500:
            raise
        return refusal(given, problem, at)


def refusal(given: Mapping[str, Any], problem: Problem, at: str) -> dict[str, Any]:
    """The result of a command that was refused."""
    named = {name: _told(given.get(name)) for name in ("id", "lead")}
    return {**named, "outcome": "refused", **refused(problem, at)}


def _told(name: object) -> str | None:
    """A name as it was given, where it could be one."""
    return name if isinstance(name, str) and not any(text(name, "", 100)) else None


async def _carried_out(work: Work, command: Offline, chain: Chain) -> dict[str, Any]:
    kept = await seen(work.request, work.sight, str(command.lead))
    handled = _again(work, command, kept) or await _decided(work, command, chain, kept)
    named = {"id": command.id, "lead": kept.stream, "outcome": "done"}
    result = done(work.request, handled, str(kept.partitionkey))
    return {**named, **result, "events": len(handled.events)}


def _again(work: Work, command: Offline, kept: Kept) -> Handled | None:
    """What was done before, where the answer was lost."""
    found = work.before.get(work.cause(command))
    if found is None:
        return None
    return Handled(kept.stream, found.version, kept.state, [None] * found.events, found.position)


async def _decided(work: Work, command: Offline, chain: Chain, kept: Kept) -> Handled:
    expected = _expected(command, chain)
    at = _moment(work, command, kept)
    way = WAYS[command.kind]
    if command.kind == "assign" and work.key.principal.startswith("partner:"):
        raise Forbidden("A partner gives its leads to nobody.", code="not_for_partners")
    try:
        body = way.body.model_validate(command.body)
    except ValidationError as error:
        raise _invalid(error, "/body") from None
    if expected is not None and kept.version != expected:
        raise stale("lead", kept.version)
    pipeline_ = await pipeline(work.request, kept.state.lead.pipeline)
    origin = origin_of(work.key)._replace(correlationid=work.cause(command))
    try:
        return await handler_of(work.request).carry_out(
            *(LEAD, kept.stream, way.make(body, pipeline_, at), origin),
            partitionkey=str(kept.partitionkey),
            expected=expected,
        )
    except Problem as problem:
        problem.errors = tuple(
            replace(each, pointer=f"/body{each.pointer}") for each in problem.errors
        )
        raise


def _expected(command: Offline, chain: Chain) -> int | None:
    """The version that must stand. Raises Unprocessable, BuildsOnRefused, NotReady."""
    if command.kind in ALONE:
        return None
    if command.version is None:
        raise _wrong("version", "required", "Name the version of the lead that the device had.")
    if chain.unsettled:
        raise NotReady(f"It is not known yet what became of {chain.broken!r}.", code="unsettled")
    if chain.broken is not None:
        detail = f"It builds on {chain.broken!r}, which was not done."
        raise BuildsOnRefused(detail, code="builds_on_refused", extra={"builds_on": chain.broken})
    chain.version = command.version if chain.version is None else chain.version
    if command.version != chain.version:
        detail = f"Commands to one lead build on one version: {chain.version}, as the first says."
        raise _wrong("version", "other_version", detail)
    return chain.expected(command.version)


def _moment(work: Work, command: Offline, kept: Kept) -> str:
    """When it happened: as the device says, but not before the lead came to its stage."""
    if command.made > work.present + AHEAD:
        raise _wrong("made", "future", f"Made before now, which is {rfc3339(work.present)}.")
    if command.made < work.present - OLDEST:
        raise _wrong("made", "too_old", f"Made at most {OLDEST.days} days ago.")
    if command.kind == "reopen":  # after it was closed, whenever that was
        return rfc3339(work.present)
    since: str = kept.state.lead.since
    return max(rfc3339(min(command.made, work.present)), since)


def _wrong(name: str, code: str, detail: str) -> Unprocessable:
    return Unprocessable(detail, code=code, errors=(FieldError(f"/{name}", code, detail),))
