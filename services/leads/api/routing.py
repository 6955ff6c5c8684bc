"""Routing: who gets which leads, and who is away."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.leads.api.bodies import Because, Text, example
from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import (
    answer,
    handler_of,
    moment,
    origin_of,
    pipeline,
    site_of,
)
from services.leads.decider import ROUTING
from services.leads.decider.pipeline import defined
from services.leads.decider.routing import FOR_PARTNERS, MOST_POINTS, STREAM, is_for_partners
from services.leads.routes import (
    DefineRouting,
    Leave,
    Member,
    Ordered,
    Return,
    Route,
    Routing,
    RoutingCommand,
    Unordered,
)
from services.leads.states import Undefined
from shared.auth import Key, require
from shared.deciding.command_handler import Handled
from shared.documents import answers
from shared.errors import FieldError, NotFound, Unprocessable
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once
from shared.parameters import Owner

router = APIRouter(tags=["routing"])
Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
Representative = Annotated[str, Path(min_length=1, max_length=200)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]
Texts = Annotated[list[Text], Field(max_length=200)]

_RULES = [
    {"id": "partners", "owner": "partner:12", "pipelines": ["partner"]},
    {"id": "hot", "owner": "representative:2", "score_at_least": 60},
    {"id": "north", "team": "north", "countries": ["NL"], "postcodes": ["10", "2"]},
]
_TEAMS = {"north": [{"representative": "representative:7", "weight": 2, "capacity": 40}]}
EXAMPLE: dict[str, Any] = {
    "version": 1,
    "rules": _RULES,
    "teams": _TEAMS,
    "away": ["representative:9"],
}


class RouteBody(BaseModel):
    """A rule: every condition that is given must hold; it names a team or an owner."""

    model_config = ConfigDict(extra="forbid")

    id: Text
    team: Text | None = None
    owner: Owner | None = None
    pipelines: Texts = []
    sources: Texts = Field([], description="Beginnings of the lead's source.")
    channels: Texts = []
    products: Texts = []
    countries: Texts = Field([], description="Of the lead's field `country`, in any case.")
    regions: Texts = []
    postcodes: Texts = Field([], description="Beginnings of the lead's field `postcode`.")
    score_at_least: Annotated[int, Field(ge=1, le=MOST_POINTS)] | None = Field(
        None,
        description="Points. None are known when a lead begins: once its score comes to as many, "
        "the rules are asked again.",
    )


class MemberBody(BaseModel):
    """Of a team's leads `weight` parts; at most `capacity` of them open at a time."""

    model_config = ConfigDict(extra="forbid")

    representative: Owner
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    capacity: Annotated[int, Field(ge=1, le=1000)] | None = None


class RoutingBody(BaseModel):
    """Rules in their order, and teams."""

    model_config = example(rules=_RULES, teams=_TEAMS)

    rules: Annotated[list[RouteBody], Field(max_length=500)]
    teams: dict[Text, Annotated[list[MemberBody], Field(max_length=500)]] = {}


@router.get(
    "/v1/routing",
    summary="How leads are routed",
    responses=answers(EXAMPLE, 404),
    response_class=Response,
)
async def routing(request: Request, key: Reader) -> Response:
    """The rules and teams that stand, and who is away; 404 while there are none."""
    kept = await handler_of(request).load(ROUTING, STREAM)
    if isinstance(kept.state, Unordered):
        raise NotFound("There are no rules yet: PUT /v1/routing makes some.")
    return json_response(_shown(kept.state), headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/routing",
    summary="Make the rules of routing",
    responses=answers(EXAMPLE, 400, 409, 412, 413, 428),
    response_class=Response,
)
async def put_routing(
    request: Request,
    body: RoutingBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The first rule that holds decides: its owner, or one of its team, by weighted round robin
    among those who are not away and have room. With If-Match where there are rules already.

    Once a lead's score comes to the `score_at_least` of a rule, the rules are asked again: one that
    stands before the rule by which it has its owner takes it over, unless it was assigned by hand
    or its owner is of that team. Each such score is told once. A partner gets leads of pipelines
    of the kind partner alone: rules for one, or a team with one, name `pipelines`.
    """

    async def run() -> Response:
        kept = await handler_of(request).load(ROUTING, STREAM)
        expected = expected_version(request) if kept.version else 0
        command = DefineRouting(
            rules=msgspec.convert(body.model_dump()["rules"], tuple[Route, ...]),
            teams=msgspec.convert(body.model_dump()["teams"], dict[str, tuple[Member, ...]]),
            at=moment(),
        )
        await _suits(request, command)
        return await _carry_out(request, command, key, expected)

    return await once(site_of(request).pool, key, request, run)


async def _suits(request: Request, command: DefineRouting) -> None:
    """Raises Unprocessable where a partner would get leads of a pipeline that is not for them."""
    wrong = []
    for number, rule in enumerate(command.rules):
        if not is_for_partners(rule, command.teams):
            continue
        for place, name in enumerate(rule.pipelines):
            found = await pipeline(request, name)
            if isinstance(found, Undefined) or defined(found).kind != FOR_PARTNERS:
                at, code = f"/rules/{number}/pipelines/{place}", "partner_pipelines"
                wrong.append(FieldError(at, code, f"{name!r} is no pipeline for partners."))
    if wrong:
        raise Unprocessable(wrong[0].detail, errors=tuple(wrong))


@router.put(
    "/v1/routing/absences/{representative}",
    summary="Somebody is away",
    responses=answers(EXAMPLE, 400, 409, 413),
    response_class=Response,
)
async def leave(
    request: Request,
    representative: Representative,
    body: Because,
    key: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Nothing is routed there until they are back; the leads that they have stay theirs."""

    async def run() -> Response:
        command = Leave(representative=representative, reason=body.reason, at=moment())
        return await _carry_out(request, command, key)

    return await once(site_of(request).pool, key, request, run)


@router.delete(
    "/v1/routing/absences/{representative}",
    summary="Somebody is back",
    responses=answers(EXAMPLE, 409),
    response_class=Response,
)
async def come_back(request: Request, representative: Representative, key: Operator) -> Response:
    """It is their turn again; one who was not away is no news."""
    command = Return(representative=representative, at=moment())
    return await _carry_out(request, command, key)


async def _carry_out(
    request: Request, command: RoutingCommand, key: Key, expected: int | None = None
) -> Response:
    handled: Handled = await handler_of(request).carry_out(
        *(ROUTING, STREAM, command, origin_of(key)), partitionkey=STREAM, expected=expected
    )
    return answer(request, handled, STREAM, _shown(handled.state))


def _shown(state: Routing) -> dict[str, Any]:
    assert isinstance(state, Ordered)
    return {
        "version": state.version,
        "rules": msgspec.to_builtins(state.rules),
        "teams": msgspec.to_builtins(state.teams),
        "away": sorted(state.away),
    }
