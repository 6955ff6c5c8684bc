"""Calendars to subscribe to: a revocable URL each."""

import base64
import hmac
import re
from datetime import timedelta
from hashlib import blake2b, sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.leads.api.context import (
    handler_of,
    moment,
    origin_of,
    position,
    schema_of,
    site_of,
)
from services.leads.follow_ups import commands
from services.leads.follow_ups.api import bodies, documents
from services.leads.follow_ups.api.context import whose
from services.leads.follow_ups.api.parameters import Whose
from services.leads.follow_ups.calendar import feed
from services.leads.follow_ups.decider import CALENDARS
from services.leads.follow_ups.decider.calendars import SCOPE, place_of, stream_of
from services.leads.follow_ups.queries.feed import entries
from services.leads.follow_ups.rates import Met, Rates
from services.leads.follow_ups.states import Calendar, Calendars
from shared.auth import Key, require
from shared.clock import now
from shared.documents import answers, problem
from shared.errors import NotFound
from shared.http import json_response
from shared.ids import random_token, uuid7

router = APIRouter(tags=["calendars"])
Reader = Annotated[Key, Depends(require("read"))]
Writer = Annotated[Key, Depends(require("write"))]

BACK, AHEAD = timedelta(days=31), timedelta(days=366)
"""What a feed has: from so long ago until so far ahead."""

OFTEN = 30
"""Times a minute that a feed may be asked for; and unknown ones, all together, ten times that."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_known, _unknown, _met = Rates(OFTEN), Rates(10 * OFTEN), Met()


@router.post(
    "/v1/calendars",
    summary="Open a calendar to subscribe to",
    responses=answers(documents.OPENED, 400, 409, 413, success=201),
    response_class=Response,
    status_code=201,
)
async def open_calendar(request: Request, body: bodies.CalendarBody, key: Writer) -> Response:
    """A URL at which any calendar program reads what somebody has to do, without a key.

    Whoever has the URL may read: it is told this once, and only the digest of its token is kept; so
    there is no Idempotency-Key here, which would keep the answer. `DELETE` revokes it at once.
    Services name the representative; 409 `too_many` beyond 20 of somebody.
    """
    owner, fresh = whose(key, body.representative, "representative"), str(uuid7())
    token = base64.urlsafe_b64encode(random_token(32)).decode().rstrip("=")
    command = commands.OpenCalendar(
        calendar=fresh, owner=owner, title=body.title, digest=_digest(token), at=moment()
    )
    stream = stream_of(owner)
    handled = await handler_of(request).carry_out(
        *(CALENDARS, stream, command, origin_of(key)), partitionkey=stream
    )
    assert handled.position is not None
    _met.remember(command.digest)
    content = {
        "calendar": fresh,
        "title": body.title,
        "since": command.at,
        "representative": owner,
        "url": f"{str(request.base_url).rstrip('/')}/v1/calendars/{token}.ics",
        "position": position(site_of(request), stream, handled.position),
    }
    return json_response(content, 201, {"Cache-Control": "no-store"})


@router.get(
    "/v1/calendars",
    summary="The calendars that are open",
    responses=answers(documents.CALENDARS),
    response_class=Response,
)
async def calendars(
    request: Request, parameters: Annotated[Whose, Query()], key: Reader
) -> Response:
    """Those of a representative, without their URLs, which nobody knows but who was told."""
    owner = whose(key, parameters.representative)
    kept = await handler_of(request).load(CALENDARS, stream_of(owner))
    found: Calendars = kept.state
    return json_response({"representative": owner, "data": [_shown(each) for each in found.open]})


@router.delete(
    "/v1/calendars/{calendar}",
    summary="Revoke a calendar",
    responses=answers(documents.CALENDARS, 409),
    response_class=Response,
)
async def revoke(
    request: Request, calendar: UUID, parameters: Annotated[Whose, Query()], key: Writer
) -> Response:
    """Its URL is a 404 from now on; one that is not open is no news. The others are answered."""
    owner = whose(key, parameters.representative)
    command = commands.RevokeCalendar(calendar=str(calendar), owner=owner, at=moment())
    stream = stream_of(owner)
    handled = await handler_of(request).carry_out(
        *(CALENDARS, stream, command, origin_of(key)), partitionkey=stream
    )
    left: Calendars = handled.state
    return json_response({"representative": owner, "data": [_shown(each) for each in left.open]})


_FEED: dict[int | str, Any] = {
    200: {
        "description": "The calendar",
        "content": {"text/calendar": {"schema": {"type": "string"}, "example": documents.FEED}},
    },
    304: {"description": "The caller has this already (If-None-Match)"},
    **{status: problem(status) for status in (404, 422, 429, 503)},
}


@router.get(
    "/v1/calendars/{token}.ics",
    summary="A calendar, for whoever has its URL",
    responses=_FEED,
    response_class=Response,
    openapi_extra={"security": []},
)
async def read(
    request: Request, token: Annotated[str, Path(min_length=1, max_length=200)]
) -> Response:
    """iCalendar (RFC 5545), without a key: the appointments of whose it is from 31 days ago to 366
    ahead, and the steps that are to be done, as events, for calendars show no to-dos of a feed;
    1,000 of each at most. UIDs stay the same, DTSTAMP is when an entry changed last. 404 for a
    token that is not known, or was revoked; 429 for more than 30 requests a minute, or while
    somebody guesses, for one that was not read here before."""
    digest = _digest(token)
    _count(digest)
    found = await _calendar_of(request, digest) if _TOKEN.fullmatch(token) else None
    if found is None:
        _met.forget(digest)
        raise NotFound("There is no such calendar, or it was revoked.")
    _met.remember(digest)
    owner, calendar = found
    site, present = site_of(request), now()
    schema = await schema_of(site)
    async with site.pool.acquire() as connection:
        found_entries = await entries(connection, schema, owner, present - BACK, present + AHEAD)
    return _answer(request, feed(calendar.title, found_entries))


def _count(digest: str) -> None:
    """Before anything is looked up, so that guessing costs nothing. Raises TooOften."""
    if digest in _met:
        _known.check(digest)
    else:
        _unknown.check("")


async def _calendar_of(request: Request, digest: str) -> tuple[str, Calendar] | None:
    """Whose calendar a token opens: looked up by its digest alone."""
    handler = handler_of(request)
    stream = await handler.holder(SCOPE, [place_of(digest)])
    if stream is None:
        return None
    state: Calendars = (await handler.load(CALENDARS, stream)).state
    for each in state.open:
        if hmac.compare_digest(each.digest, digest):
            return state.owner, each
    return None


def _answer(request: Request, body: bytes) -> Response:
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    fields = {"ETag": tag, "Cache-Control": "private, max-age=300"}
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=fields)
    fields["Content-Disposition"] = 'inline; filename="rapport.ics"'
    return Response(body, headers=fields, media_type="text/calendar; charset=utf-8")


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _shown(calendar: Calendar) -> dict[str, str]:
    return {
        "calendar": calendar.calendar,
        "title": calendar.title,
        "since": calendar.since,
    }
