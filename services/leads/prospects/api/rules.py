"""The rules by which lost leads return."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import answer, handler_of, moment, origin_of, site_of
from services.leads.prospects.api import bodies, examples
from services.leads.prospects.api.context import IfMatch, Operator, Reader
from services.leads.prospects.commands import DefineReactivation
from services.leads.prospects.decider import REACTIVATION
from services.leads.prospects.decider.returning import STREAM
from services.leads.prospects.events import Return
from services.leads.prospects.states import Reactivation, Unruled
from shared.documents import answers
from shared.http import expected_version, json_response, version_tag
from shared.idempotency import once

router = APIRouter(tags=["prospects"])


@router.get(
    "/v1/prospects/reactivation",
    summary="The rules by which lost leads return",
    responses=answers(examples.RULES),
    response_class=Response,
)
async def rules(request: Request, key: Reader) -> Response:
    """Those that stand, version 0 while there were none; the ETag is what changing asks for."""
    kept = await handler_of(request).load(REACTIVATION, STREAM)
    headers = {"ETag": version_tag(kept.version)} if kept.version else {}
    return json_response(_shown(kept.state), headers=headers)


@router.put(
    "/v1/prospects/reactivation",
    summary="Make the rules by which lost leads return",
    responses=answers(examples.CHANGED_RULES, 400, 409, 412, 413, 428),
    response_class=Response,
)
async def put_rules(
    request: Request,
    body: bodies.RulesBody,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The first rule that holds for a lead lost from now on decides: its customer is a prospect
    that is due after `days`; with `promote` a lead begins then, unless it is barred. With If-Match
    where there are rules already. A rule that never matches is refused."""

    async def run() -> Response:
        kept = await handler_of(request).load(REACTIVATION, STREAM)
        expected = expected_version(request) if kept.version else 0
        found = msgspec.convert(body.model_dump()["rules"], tuple[Return, ...])
        command = DefineReactivation(rules=found, at=moment())
        handled = await handler_of(request).carry_out(
            *(REACTIVATION, STREAM, command, origin_of(key)), partitionkey=STREAM, expected=expected
        )
        return answer(request, handled, STREAM, _shown(handled.state))

    return await once(site_of(request).pool, key, request, run)


def _shown(state: Reactivation) -> dict[str, Any]:
    if isinstance(state, Unruled):
        return {"version": 0, "rules": []}
    return {"version": state.version, "rules": msgspec.to_builtins(state.rules)}
