"""Tactics, as data that are changed by events, and what came of them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.leads.api import documents as core
from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import cursors_of, moment, schema_of, site_of
from services.leads.follow_ups import commands
from services.leads.follow_ups.api import bodies, documents
from services.leads.follow_ups.api.context import limited
from services.leads.follow_ups.api.entries import (
    CHANGED,
    IfMatch,
    Name,
    Operator,
    Reader,
    carry_out,
    one,
    shown,
    written,
)
from services.leads.follow_ups.api.outcomes import with_outcomes
from services.leads.follow_ups.api.parameters import LeadsBehind, Tactics
from services.leads.follow_ups.events import Tactic
from services.leads.follow_ups.queries import tactics
from services.leads.queries.filters import Filter
from shared.documents import answers
from shared.http import conditional, page
from shared.idempotency import once

router = APIRouter(tags=["playbook"])
_WRITTEN: dict[str, Any] = documents.TACTIC | {"position": "leads.events/3/1042"}


@router.get(
    "/v1/tactics",
    summary="Tactics, and what came of them",
    responses=answers(documents.TACTICS, 304),
    response_class=Response,
)
async def all_tactics(
    request: Request, parameters: Annotated[Tactics, Query()], key: Reader
) -> Response:
    """What to do in a stage or on an objection, each with how often it was followed by a win.

    `uses` is how often it was used, `leads` on how many leads, merged ones left out. `won` and
    `lost`: those of these leads that stand as won or lost now and were closed at or after a use.
    `win_rate` = won / (won + lost), null where none was closed. `query` lists the leads behind a
    number. `pipeline`, `stage` and `objection` choose the tactics that are for it, without those
    that are retired; the filters say which uses count. A representative sees the uses
    on the leads that it sees.
    """
    site = site_of(request)
    found = (await written(request)).tactics
    schema = await schema_of(site, parameters.min_position)
    filters = (*parameters.filters(), *await limited(request, key))
    async with site.pool.acquire() as connection:
        used = await tactics.used(connection, schema, filters)
    outcomes = with_outcomes(parameters, used)
    chosen = {
        name: each
        for name, each in sorted(found.items())
        if parameters.suits(each.tactic) and not (parameters.is_choosing and each.retired)
    }
    content = [shown(name, each) | outcomes(name) for name, each in chosen.items()]
    return conditional(request, msgspec.json.encode({"data": content}))


@router.get(
    "/v1/tactics/{name}",
    summary="A tactic",
    responses=answers(documents.TACTIC, 404),
    response_class=Response,
)
async def tactic(request: Request, name: Name, key: Reader) -> Response:
    """As it stands; its ETag is what changing it asks for."""
    return one(name, (await written(request)).tactics.get(name))


@router.get(
    "/v1/tactics/{name}/leads",
    summary="The leads behind a number of a tactic",
    responses=answers(core.LEADS, 304),
    response_class=Response,
)
async def leads_behind(
    request: Request, name: Name, parameters: Annotated[LeadsBehind, Query()], key: Reader
) -> Response:
    """A page of the leads on which it was used, by id, as `GET /v1/leads` shows them."""
    site = site_of(request)
    filters = (Filter("tactic_eq", (name,)), *parameters.filters(), *await limited(request, key))
    listing = f"/v1/tactics/leads {filters}"
    after = cursors_of(site).read(listing, parameters.cursor)
    schema = await schema_of(site, parameters.min_position)
    async with site.pool.acquire() as connection:
        rows = await tactics.leads(
            *(connection, schema, filters, parameters.limit), str(after[0]) if after else None
        )
    chosen = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write(listing, [*chosen[-1].place]) if more else None
    return conditional(request, page([row.shown for row in chosen], cursor))


@router.put(
    "/v1/tactics/{name}",
    summary="Make a tactic",
    responses=answers(_WRITTEN, *CHANGED),
    response_class=Response,
)
async def put_tactic(
    request: Request,
    name: Name,
    body: bodies.TacticBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For a stage or an objection, at least one; uses keep the version that they were of."""

    async def run() -> Response:
        wanted = msgspec.convert(body.model_dump(), Tactic)
        command = commands.DefineTactic(name=name, tactic=wanted, at=moment())
        return await carry_out(request, name, command, key)

    return await once(site_of(request).pool, key, request, run)


@router.delete(
    "/v1/tactics/{name}",
    summary="Retire a tactic",
    responses=answers(_WRITTEN | {"retired": True}, 404, 409, 412, 428),
    response_class=Response,
)
async def retire_tactic(
    request: Request, name: Name, key: Operator, if_match: IfMatch = None
) -> Response:
    """It is used no more; what came of it is still shown."""
    return await carry_out(request, name, commands.RetireTactic(name=name, at=moment()), key)
