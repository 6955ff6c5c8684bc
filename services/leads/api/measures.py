"""What comes of leads: numbers of a period, each with the list of what is behind it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api import documents
from services.leads.api.context import cursors_of, schema_of, sight_of, site_of
from services.leads.api.numbers import Behind, funnel, group
from services.leads.api.odds import all_odds, numbered, pipeline_named
from services.leads.api.parameters import Measured
from services.leads.api.teams import of_team, teams_of
from services.leads.queries import measures
from services.leads.queries.filters import seen
from services.leads.queries.measures import Counted, Period, Reached
from services.leads.states import Defined
from shared.auth import Key, require
from shared.clock import now
from shared.documents import answers
from shared.http import json_response, wrong_parameter

MOST_DAYS = 3 * 366
DAYS = 30
"""Days that are measured where none are named."""

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/leads/measures",
    summary="Numbers about leads",
    responses=answers(documents.MEASURES, 404),
    response_class=Response,
)
async def measured(
    request: Request, parameters: Annotated[Measured, Query()], key: Reader
) -> Response:
    """A page of groups (`by`), by name, each with its numbers; a number's `query` lists its leads.

    Merged leads count nowhere: the ones that they went into do. Of a group, `null` is without any.
    A team is who is a member now; a lead whose owner is in two counts in both. Country and region
    are the lead's own fields.
    - `open`: open now, `amounts` by currency in minor units, `weighted` = sum of amount x
      probability of the stage, rounded once; not told by days, weeks or months
    - `new`: captured in the period
    - `won`, `lost`: closed so in the period and not open again; `won.amounts`: what they were won
      for; `lost.reasons` and `lost.competitors`: those of the most leads, at most 50
    - `closing_rate` = won / (won + lost) of those closed in the period; null where none was
    - `cycle_days`: the median of days from captured to won, of those won in the period
    - `funnel`, where exactly one pipeline is named: of the leads captured in the period, `reached`
      = that ever were in the stage or a later one, or are won; `conversion` = reached of the next
      stage (after the last: won) / reached of this one; `days`: the median stay in it that ended.
    At most 1,098 days. 404 for a pipeline that is not there, where one alone is named.
    """
    site = site_of(request)
    days = _days(parameters)
    period = Period(*(datetime.combine(day, time(), UTC) for day in days))
    pipeline = await _pipeline(request, parameters)
    teams = await teams_of(request)
    asked = (of_team(each, teams) for each in parameters.filters())
    filters = (*asked, *seen(await sight_of(request, key)))
    odds = await all_odds(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/leads/measures {parameters.by} {days} {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    mark = str(after[0]) if after else None
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = await measures.counted(
            *(connection, schema, parameters.by, period, filters, odds, mark, parameters.limit),
            teams=teams,
        )
        reached: Sequence[Reached] = []
        if pipeline is not None:
            stages = numbered(pipeline)
            reached = await measures.funnel(connection, schema, period, filters, stages)
    behind = Behind(parameters, days)
    found = _groups(rows)
    shown = [*found][: parameters.limit]
    more = len(found) > parameters.limit
    return json_response(
        {
            "from": days[0],
            "to": days[1],
            "by": parameters.by or None,
            "data": [group(behind, each, found[each]) for each in shown],
            "funnel": funnel(behind, pipeline, reached) if pipeline else None,
            "next_cursor": cursors_of(site).write(name, [shown[-1]]) if more else None,
        }
    )


async def _pipeline(request: Request, parameters: Measured) -> Defined | None:
    """The one pipeline that is asked for."""
    named = parameters.pipeline_eq or []
    return await pipeline_named(request, named[0]) if len(named) == 1 else None


def _groups(rows: Sequence[Counted]) -> dict[str, list[Counted]]:
    found: dict[str, list[Counted]] = {}
    for row in rows:
        found.setdefault(row.group, []).append(row)
    return found


def _days(parameters: Measured) -> tuple[date, date]:
    until = parameters.until
    if until is None:
        until = now().date() + timedelta(days=1)
        if parameters.since is not None:
            until = max(until, parameters.since + timedelta(days=1))
    since = parameters.since or until - timedelta(days=DAYS)
    if not timedelta(0) < until - since <= timedelta(days=MOST_DAYS):
        raise wrong_parameter(
            "from", "range", f"From `from` to `to` there are 1 to {MOST_DAYS:,} days."
        )
    return since, until
