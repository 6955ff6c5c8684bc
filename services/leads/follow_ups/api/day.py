"""A representative's day."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api.context import schema_of, site_of
from services.leads.api.money import weighted
from services.leads.api.odds import all_odds
from services.leads.follow_ups.api import documents
from services.leads.follow_ups.api.context import whose
from services.leads.follow_ups.api.parameters import DayOf
from services.leads.follow_ups.queries import day
from services.leads.follow_ups.queries.day import Item
from services.leads.follow_ups.queries.scoring import scored
from services.leads.follow_ups.ranking import ranked
from services.leads.queries.scores import Horizon
from services.leads.scoring import Score
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.documents import answers
from shared.http import json_response, wrong_parameter

router = APIRouter(tags=["follow-ups"])
Reader = Annotated[Key, Depends(require("read"))]

MOST = 200
"""Steps, and appointments, of a day."""

BACK, AHEAD = timedelta(days=31), timedelta(days=366)


class Span(NamedTuple):
    """A day of a time zone, and the moment up to which steps are due."""

    since: datetime
    until: datetime
    at: datetime


@router.get(
    "/v1/day",
    summary="A representative's day",
    responses=answers(documents.DAY),
    response_class=Response,
)
async def the_day(request: Request, parameters: Annotated[DayOf, Query()], key: Reader) -> Response:
    """What is to be done, in the order in which it is worth doing, and the appointments.

    `due` are the steps whose moment came by `at`, overdue ones among them: now; of another day its
    beginning, or its end when it is over. First come those whose lead has the highest `expected`
    value: amount times probability of its stage, in minor units, rounded half up. Amounts of two
    currencies are never compared: steps have ranks within each currency, and all first ones come
    before all second ones; of equal rank, the currency with more steps comes first, then by code.
    Leads without an amount come last. Of equal value, those whose lead scores more come first (the
    present score, as `GET /v1/leads/{id}/score` explains it), then those due earlier. `later` are
    those due by the end of the day, in the order of time. There are 200 steps of each at most, the
    most valuable, and as many appointments: `more` says whether there are others.
    """
    owner = whose(key, parameters.representative)
    span = _span(parameters)
    site = site_of(request)
    odds = await all_odds(request)
    schema = await schema_of(site, parameters.min_position)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        due = await day.steps(connection, schema, owner, odds, (None, span.at), MOST)
        rest = (span.at, span.until - timedelta(microseconds=1))
        later = await day.steps(connection, schema, owner, odds, rest, MOST)
        met = await day.appointments(connection, schema, owner, span.since, span.until, MOST)
        leads = {each.lead: each.subject for each in (*due[:MOST], *later[:MOST])}
        present = now()
        scores = await scored(connection, schema, leads, Horizon(present, present))
    units = {lead: found.units for lead, found in scores.items()}
    in_time = sorted(later[:MOST], key=lambda each: (each.due, each.lead, each.step))
    content = {
        "representative": owner,
        "date": span.since.astimezone(ZoneInfo(parameters.time_zone)).date().isoformat(),
        "time_zone": parameters.time_zone,
        "from": rfc3339(span.since),
        "to": rfc3339(span.until),
        "at": rfc3339(span.at),
        "due": [_shown(each, scores.get(each.lead)) for each in ranked(due[:MOST], units)],
        "later": [_shown(each, scores.get(each.lead)) for each in in_time],
        "appointments": [msgspec.Raw(each.encode()) for each in met[:MOST]],
        "more": any(len(each) > MOST for each in _lists(due, later, met)),
    }
    return json_response(content)


def _lists(*lists: Sequence[Any]) -> Sequence[Sequence[Any]]:
    return lists


def _span(parameters: DayOf) -> Span:
    """From midnight to midnight there, which are 23 or 25 hours where clocks change. Raises."""
    zone, present = ZoneInfo(parameters.time_zone), now()
    today = present.astimezone(zone).date()
    date = parameters.date or today
    if not today - BACK <= date <= today + AHEAD:
        detail = f"A day from 31 days ago to 366 ahead; today is {today.isoformat()} there."
        raise wrong_parameter("date", "out_of_range", detail)
    since, until = (
        datetime.combine(each, time.min, zone).astimezone(UTC)
        for each in (date, date + timedelta(days=1))
    )
    return Span(since, until, min(max(present, since), until - timedelta(microseconds=1)))


def _shown(item: Item, score: Score | None) -> dict[str, Any]:
    step: dict[str, Any] = msgspec.json.decode(item.shown)
    return step | {
        "amount": item.amount,
        "currency": item.currency,
        "probability": item.probability,
        "expected": None if item.hundredths is None else weighted(item.hundredths),
        "score": None if score is None else score.points,
        "grade": None if score is None else score.grade,
    }
