"""Goals: set, changed, retired, and how far they are."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from services.leads.api.bodies import Because
from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import (
    answer,
    cursors_of,
    handler_of,
    moment,
    origin_of,
    schema_of,
    seen_by,
    site_of,
)
from services.leads.api.parameters import Day
from services.leads.api.teams import teams_of
from services.leads.planning import actual, queries
from services.leads.planning.api import documents
from services.leads.planning.api.bodies import GoalBody, TargetBody
from services.leads.planning.commands import ChangeGoal, GoalCommand, RetireGoal, SetGoal
from services.leads.planning.decider import GOAL
from services.leads.planning.decider.goals import stream_of
from services.leads.planning.events import Aim, Kind, Measure, PeriodKind
from services.leads.planning.queries import Goal
from services.leads.planning.states import Dropped, NoGoal
from services.leads.planning.states import Goal as GoalState
from shared.auth import Key, require
from shared.clock import now
from shared.deciding.command_handler import Handled
from shared.documents import answers
from shared.errors import Forbidden, NotFound
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once
from shared.parameters import Line, Page, Parameters

router = APIRouter(tags=["goals"])
Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]
_CHANGED = (400, 404, 409, 412, 413, 428)


class Seen(Parameters):
    """From where goals are looked at."""

    as_of: Day | None = Field(None, description="By the end of this day (UTC); left out: today.")

    def day(self) -> date:
        return self.as_of or now().date()


class Goals(Page, Seen):
    """Which goals."""

    limit: int = Field(50, ge=1, le=50, description="Items on a page.")
    kind: Kind | None = Field(None, alias="filter[kind][eq]")
    name: Line | None = Field(None, alias="filter[name][eq]")
    measure: Measure | None = Field(None, alias="filter[measure][eq]")
    period: PeriodKind | None = Field(None, alias="filter[period][eq]")
    since: Day | None = Field(None, alias="filter[first][gte]")
    until: Day | None = Field(None, alias="filter[first][lt]")
    retired: bool = Field(False, alias="filter[retired][eq]")

    def wanted(self) -> dict[str, Any]:
        names = ("kind", "name", "measure", "period", "since", "until", "retired")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}


@router.get(
    "/v1/goals",
    summary="Goals beside what they came to",
    responses=answers(documents.GOALS),
    response_class=Response,
)
async def goals(request: Request, parameters: Annotated[Goals, Query()], key: Reader) -> Response:
    """A page of goals, the latest period first, each with what it came to by a day.

    `target`, `actual` and `expected` are counts, or minor units of `currency`. `actual` counts what
    happened from the first day to the end of `as_of`, as `GET /v1/measures` does - `won_amount` and
    `won`: won leads, `new`: new leads, `revenue`: orders, `calls`: sales calls, `visits`: visits
    made, `proposals`: quotes sent - and `query` lists it. `percent` = 100 x actual / target;
    `expected` = target x days passed / days of the period, rounded half up; `pace` = actual /
    expected, null on no day yet. A representative sees its own goals.
    """
    site = site_of(request)
    wanted = parameters.wanted()
    if (may := seen_by(key)) is not None:
        wanted |= {"kind": "representative", "name": may}
    schema = await schema_of(site, parameters.min_position)
    listing = f"/v1/goals {wanted} {parameters.day()}"
    cursor = cursors_of(site).read(listing, parameters.cursor)
    after = (str(cursor[0]), str(cursor[1])) if cursor else None
    async with site.pool.acquire() as connection:
        rows = await queries.goals(connection, schema, wanted, after, parameters.limit)
    page = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    mark = [page[-1].aim.first, page[-1].id] if more else None
    return json_response(
        {
            "data": await _beside(request, schema, page, parameters.day()),
            "next_cursor": cursors_of(site).write(listing, [*mark]) if mark else None,
        }
    )


async def _beside(
    request: Request, schema: str, goals: Any, as_of: date, at: datetime | None = None
) -> list[dict[str, Any]]:
    teams = await teams_of(request)
    async with (
        site_of(request).pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        found: Mapping[str, int] = await actual.actual(
            connection, schema, goals, teams, as_of, at or now()
        )
    return [actual.shown(goal, found[goal.id], as_of) for goal in goals]


@router.get(
    "/v1/goals/{id}",
    summary="One goal beside what it came to",
    responses=answers(documents.SEEN, 404),
    response_class=Response,
)
async def goal(
    request: Request, id: UUID, parameters: Annotated[Seen, Query()], key: Reader
) -> Response:
    """As `GET /v1/goals` shows it; its ETag is what changing it asks for."""
    schema = await schema_of(site_of(request), parameters.min_position)
    kept = await handler_of(request).load(GOAL, str(id))
    found = _goal(str(id), kept.version, kept.state)
    may = seen_by(key)
    if may is not None and (found.aim.kind, found.aim.name) != ("representative", may):
        raise _unknown()
    [document] = await _beside(request, schema, [found], parameters.day())
    return json_response(document, headers={"ETag": version_tag(found.version)})


@router.post(
    "/v1/goals",
    summary="Set a goal",
    responses=answers(documents.CHANGED, 400, 409, 413, success=201),
    response_class=Response,
    status_code=201,
)
async def set_goal(
    request: Request, body: GoalBody, key: Operator, idempotency_key: IdempotencyKey = None
) -> Response:
    """There is one goal for the same measure, currency, period and representative, team, pipeline,
    source, product, or all. Set again with the same target it is no news; 409 `goal_set` with
    another one. Amounts are in minor units of `currency`; counts have none."""

    async def run() -> Response:
        given = body.model_dump(exclude={"target", "name"})
        aim = Aim(**given, name=body.name or "")
        command = SetGoal(aim=aim, target=body.target, at=moment())
        return await _carry_out(request, stream_of(aim), command, key, status=201)

    return await once(site_of(request).pool, key, request, run)


@router.put(
    "/v1/goals/{id}",
    summary="Change the target of a goal",
    responses=answers(documents.CHANGED, *_CHANGED),
    response_class=Response,
)
async def change_goal(
    request: Request,
    id: UUID,
    body: TargetBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The whole period is held to the new target."""

    async def run() -> Response:
        command = ChangeGoal(target=body.target, reason=body.reason, at=moment())
        return await _carry_out(request, str(id), command, key, expected_version(request))

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/goals/{id}/retire",
    summary="Retire a goal",
    responses=answers(documents.CHANGED | {"retired": True}, *_CHANGED),
    response_class=Response,
)
async def retire_goal(
    request: Request,
    id: UUID,
    body: Because,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """It is listed no more, but where retired ones are asked for; it may be set again."""

    async def run() -> Response:
        command = RetireGoal(reason=body.reason, at=moment())
        return await _carry_out(request, str(id), command, key, expected_version(request))

    return await once(site_of(request).pool, key, request, run)


async def _carry_out(
    request: Request,
    stream: str,
    command: GoalCommand,
    key: Key,
    expected: int | None = None,
    status: int = 200,
) -> Response:
    if seen_by(key) is not None:
        raise Forbidden("Goals are set by services.")
    handled: Handled = await handler_of(request).carry_out(
        *(GOAL, stream, command, origin_of(key)), partitionkey=stream, expected=expected
    )
    found = _goal(stream, handled.version, handled.state)
    document = {
        name: value
        for name, value in actual.shown(found, 0, now().date()).items()
        if name in documents.GOAL
    }
    return answer(request, handled, stream, document, status)


def _goal(id: str, version: int, state: GoalState) -> Goal:
    if isinstance(state, NoGoal):
        raise _unknown()
    return Goal(id, version, state.aim, state.target, isinstance(state, Dropped))


def _unknown() -> NotFound:
    return NotFound("There is no such goal.", code="unknown_goal")
