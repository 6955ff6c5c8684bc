"""Pipelines and the rules of scoring: data that are changed by events."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Request, Response

from services.leads import commands
from services.leads.api import bodies, examples, shown
from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import answer, handler_of, moment, origin_of, pipeline, site_of
from services.leads.api.scoring_rules import RuleSetBody
from services.leads.decider import PIPELINE, SCORING
from services.leads.decider.pipeline import stream_of
from services.leads.decider.scoring import STREAM
from services.leads.events import RuleSet, Stage
from services.leads.states import Undefined, Unscored
from shared.auth import Key, require
from shared.deciding.command_handler import stale
from shared.deciding.store import Kept
from shared.documents import answers
from shared.errors import NotFound
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once

router = APIRouter(tags=["pipelines"])
Reader = Annotated[Key, Depends(require("read"))]
Operator = Annotated[Key, Depends(require("ops", "write"))]
Name = Annotated[str, Path(min_length=1, max_length=64)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what you saw; required to change it."),
]
_CHANGED = (400, 404, 409, 412, 413, 428)


@router.get(
    "/v1/pipelines",
    summary="All pipelines",
    responses=answers(examples.PIPELINES),
    response_class=Response,
)
async def all_pipelines(request: Request, key: Reader) -> Response:
    """As they stand, by name; those that are retired too."""
    rows = await site_of(request).pool.fetch(_STREAMS, PIPELINE.category)
    kept = await handler_of(request).load_all(PIPELINE, [str(row["stream"]) for row in rows])
    found = [shown.pipeline(each.version, each.state) for each in kept.values()]
    return json_response({"data": sorted(found, key=lambda each: str(each["name"]))})


@router.get(
    "/v1/pipelines/{name}",
    summary="One pipeline",
    responses=answers(examples.PIPELINE, 404),
    response_class=Response,
)
async def one_pipeline(request: Request, name: Name, key: Reader) -> Response:
    """As it stands; its ETag is what changing it asks for."""
    kept = await handler_of(request).load(PIPELINE, stream_of(name))
    return _shown(kept)


def _shown(kept: Kept) -> Response:
    document = shown.pipeline(kept.version, kept.state)
    return json_response(document, headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/pipelines/{name}",
    summary="Define or change a pipeline",
    responses=answers(examples.PIPELINE, *_CHANGED),
    response_class=Response,
)
async def put_pipeline(
    request: Request,
    name: Name,
    body: bodies.PipelineBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Define a pipeline that is not there, or, with If-Match, change one that is.

    Stages have names, a probability of winning in percent, the moves that they allow, the fields
    that they require, and how many days a lead may stay. For every stage that is removed `moved`
    says where its leads go; they follow within seconds. `kind` stays what it was.
    """

    async def run() -> Response:
        stages = tuple(
            msgspec.convert(stage.model_dump(), Stage, strict=False) for stage in body.stages
        )
        there = not isinstance(await pipeline(request, name), Undefined)
        parts: dict[str, Any] = {"stages": stages, "reasons": tuple(body.reasons), "at": moment()}
        command: commands.PipelineCommand = (
            commands.ChangePipeline(moved=body.moved, **parts)
            if there
            else commands.DefinePipeline(name=name, kind=body.kind, **parts)
        )
        return await _carry_out(
            request, name, command, key, expected_version(request) if there else 0
        )

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/pipelines/{name}/retire",
    summary="Retire a pipeline",
    responses=answers(examples.PIPELINE | {"retired": True}, *_CHANGED),
    response_class=Response,
)
async def retire_pipeline(
    request: Request,
    name: Name,
    body: bodies.Because,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """No lead begins in it any more; those that are open are worked to their end."""

    async def run() -> Response:
        expected = expected_version(request)
        command = commands.RetirePipeline(reason=body.reason, at=moment())
        return await _carry_out(request, name, command, key, expected)

    return await once(site_of(request).pool, key, request, run)


async def _carry_out(
    request: Request, name: str, command: commands.PipelineCommand, key: Key, expected: int
) -> Response:
    stream = stream_of(name)
    handled = await handler_of(request).carry_out(
        *(PIPELINE, stream, command, origin_of(key)), partitionkey=stream, expected=expected
    )
    document = shown.pipeline(handled.version, handled.state)
    return answer(request, handled, stream, document)


@router.get(
    "/v1/scoring",
    summary="The rules of scoring",
    responses=answers(examples.SCORING, 404),
    response_class=Response,
)
async def rules(request: Request, key: Reader) -> Response:
    """Those that stand; 404 while there are none."""
    kept = await handler_of(request).load(SCORING, STREAM)
    if isinstance(kept.state, Unscored):
        raise NotFound("There are no rules yet: PUT /v1/scoring makes some.")
    return json_response(shown.scoring(kept.state), headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/scoring",
    summary="Make the rules of scoring",
    responses=answers(examples.SCORING, *_CHANGED),
    response_class=Response,
)
async def put_rules(
    request: Request,
    body: RuleSetBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A new version of all rules: scores from now on are by these, those as of earlier by the
    rules of then. With If-Match where there are some already. `half_life` is in days."""

    async def run() -> Response:
        wanted = msgspec.convert(body.model_dump(), RuleSet)
        kept = await handler_of(request).load(SCORING, STREAM)
        expected = expected_version(request) if kept.version else 0
        if kept.version != expected:
            raise stale("scoring", kept.version)
        command = commands.DefineScoring(rules=wanted, at=moment())
        handled = await handler_of(request).carry_out(
            *(SCORING, STREAM, command, origin_of(key)), partitionkey=STREAM, expected=expected
        )
        return answer(request, handled, STREAM, shown.scoring(handled.state))

    return await once(site_of(request).pool, key, request, run)


_STREAMS = "SELECT stream FROM streams WHERE category = $1"
