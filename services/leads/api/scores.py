"""The score of a lead, and every point of it."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api import documents
from services.leads.api.context import lead, schema_of, site_of
from services.leads.api.parameters import Then
from services.leads.queries import scores
from services.leads.queries.scores import Horizon
from services.leads.scoring import Part, Score, score
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.database import Connection
from shared.documents import answers
from shared.errors import NotFound, Unprocessable
from shared.http import json_response, wrong_parameter

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/leads/{id}/score",
    summary="The score of a lead, explained",
    responses=answers(documents.SCORE, 404),
    response_class=Response,
)
async def explained(
    request: Request, id: UUID, parameters: Annotated[Then, Query()], key: Reader
) -> Response:
    """What a lead scores, and the parts that sum to exactly that.

    Points for who somebody is (`fit`) do not age; those for what happened (`engagement`) halve
    with every half-life, `age` being in days: p 2^-(age / half-life), rounded to 2^-20 points; a
    `cap` takes away what a group, or all, has over its cap. `prequalified` says whether the rules
    of prequalification hold, `failed` which do not; null where there are none. Each part names its
    rule; `version` is that of the rules that stood then. Of engagement there is a part for each
    `event` that a rule matched, of all subjects of the lead's customer.

    With `as_of` all is as of that moment: the rules that stood, what had happened (by the time of
    each event), and who belonged to the customer, by what leads had been told (the time of the
    telling, the only one there is of that): customers that became one later are still two, those
    separated later still one. An event that happened before `as_of` and was recorded later counts,
    so the answer may differ from what was shown then. With `known_at`, the same moment, it does
    not: the answer is the score as it was shown, but for what was just on its way into the view.
    `known_at` alone: all until now, by what was recorded, and told of belonging, by then. Without
    either, belonging is that of now.

    404 `not_yet` before the lead began, `no_rules` before there were rules; 422 `too_large` where
    more than 10,000 interactions count.
    """
    site = site_of(request)
    kept = await lead(request, key, id)
    horizon = _horizon(parameters)
    if kept.state.lead.captured > rfc3339(horizon.as_of):
        raise NotFound("This lead had not begun then.", code="not_yet")
    schema = await schema_of(site, parameters.min_position)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        subject = kept.state.lead.subject
        customer, found = await _score(connection, schema, subject, horizon, parameters.is_past)
    return json_response({"lead": kept.stream, "customer": customer, **_shown(found, parameters)})


def _horizon(parameters: Then) -> Horizon:
    """The moments that are asked for. Raises Unprocessable for one that is not over."""
    present = now()
    for name in ("as_of", "known_at"):
        moment = getattr(parameters, name)
        if moment is not None and moment > present:
            raise wrong_parameter(
                name, "future", f"`{name}` is not over yet: what will have been is not known."
            )
    return Horizon(parameters.as_of or present, parameters.known_at or present)


async def _score(
    connection: Connection, schema: str, subject: str, horizon: Horizon, is_past: bool
) -> tuple[str, Score]:
    """The customer and the score. Raises NotFound, Unprocessable."""
    rules = await scores.rules(connection, schema, horizon)
    if rules is None:
        raise NotFound("There were no rules of scoring then.", code="no_rules")
    then = min(horizon) if is_past else None
    customer, subjects = await scores.members(connection, schema, subject, then)
    types = sorted({rule.type for rule in rules.rules.engagement})
    happenings = await scores.happenings(connection, schema, subjects, types, horizon)
    if len(happenings) > scores.MOST:
        detail = f"More than {scores.MOST} interactions count: that is too many to explain."
        raise Unprocessable(detail, code="too_large")
    person = await scores.person(connection, schema, subjects, horizon)
    return customer, score(rules, happenings, person, rfc3339(horizon.as_of))


def _shown(found: Score, parameters: Then) -> dict[str, Any]:
    return {
        "as_of": found.at,
        "known_at": rfc3339(parameters.known_at) if parameters.known_at else None,
        "version": found.version,
        "score": found.points,
        "grade": found.grade,
        "hot": found.hot,
        "prequalified": None if found.failed is None else not found.failed,
        "failed": found.failed,
        "parts": [_part(part) for part in found.parts],
    }


def _part(part: Part) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(part)
    del shown["units"]
    return {"points": part.points, **shown}
