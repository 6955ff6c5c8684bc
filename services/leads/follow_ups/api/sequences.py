"""Sequences of steps, as data that are changed by events."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import moment, pipeline, site_of
from services.leads.follow_ups import commands
from services.leads.follow_ups.api import bodies, documents
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
from services.leads.follow_ups.events import Sequence
from shared.documents import answers
from shared.http import json_response
from shared.idempotency import once

router = APIRouter(tags=["playbook"])
_WRITTEN: dict[str, Any] = documents.SEQUENCE | {"position": "leads.events/3/1042"}


@router.get(
    "/v1/sequences",
    summary="The sequences of steps",
    responses=answers(documents.SEQUENCES),
    response_class=Response,
)
async def sequences(request: Request, key: Reader) -> Response:
    """As they stand, by name; those that are retired too."""
    found = (await written(request)).sequences
    return json_response({"data": [shown(name, each) for name, each in sorted(found.items())]})


@router.get(
    "/v1/sequences/{name}",
    summary="A sequence of steps",
    responses=answers(documents.SEQUENCE, 404),
    response_class=Response,
)
async def sequence(request: Request, name: Name, key: Reader) -> Response:
    """As it stands; its ETag is what changing it asks for."""
    return one(name, (await written(request)).sequences.get(name))


@router.put(
    "/v1/sequences/{name}",
    summary="Make a sequence of steps",
    responses=answers(_WRITTEN, *CHANGED),
    response_class=Response,
)
async def put_sequence(
    request: Request,
    name: Name,
    body: bodies.SequenceBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """What was started goes on as it was; leads that come into its stages from now on get this one.

    A step is due `days` and `hours` after the sequence started, and overdue `grace` hours later. An
    interaction completes the earliest step that names its type and whose turn has come, which is
    when the step before it was due.
    """

    async def run() -> Response:
        wanted = msgspec.convert(body.model_dump(), Sequence)
        named = {each.pipeline for each in wanted.starts if each.pipeline is not None}
        known = {each: await pipeline(request, each) for each in sorted(named)}
        command = commands.DefineSequence(name=name, sequence=wanted, pipelines=known, at=moment())
        return await carry_out(request, name, command, key)

    return await once(site_of(request).pool, key, request, run)


@router.delete(
    "/v1/sequences/{name}",
    summary="Retire a sequence of steps",
    responses=answers(_WRITTEN | {"retired": True}, 404, 409, 412, 428),
    response_class=Response,
)
async def retire_sequence(
    request: Request, name: Name, key: Operator, if_match: IfMatch = None
) -> Response:
    """It is started no more; what was started goes on. `PUT` takes it up again."""
    return await carry_out(request, name, commands.RetireSequence(name=name, at=moment()), key)
