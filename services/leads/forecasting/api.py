"""Forecasts: what is expected by month, the leads behind it, and how it moved."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api.context import cursors_of, schema_of, seen_by, site_of
from services.leads.forecasting import documents, moving, queries, shown
from services.leads.forecasting.moving import Days
from services.leads.forecasting.parameters import Behind, Forecast, Moved, Whose
from services.leads.forecasting.queries import MOST_MOVED, Asked
from services.leads.forecasting.sources import CONDITIONS
from services.leads.measuring.periods import months
from services.leads.queries.filters import Filter
from shared.auth import Key, require
from shared.clock import rfc3339
from shared.documents import answers
from shared.http import conditional, json_response, page, wrong_parameter

router = APIRouter(tags=["forecast"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/forecast",
    summary="What is expected by month",
    responses=answers(documents.FORECAST),
    response_class=Response,
)
async def forecast(
    request: Request, parameters: Annotated[Forecast, Query()], key: Reader
) -> Response:
    """A page of months, groups (`by`) and currencies, each with its sums; `query` lists the leads.

    Of the leads that are expected to close in the month and have an amount, in minor units: a lead
    is in the one class that the probability of its stage comes to - `commit` from 75 percent,
    `best_case` from 50, `pipeline` above 0, else `left_out`; the levels are parameters. `weighted`
    = sum of amount x probability of the first three, rounded half up once; `won`: closed as won in
    the month, for what they were won; `expected` = won + weighted; `last_year`: won in the same
    month of the year before. `month` null: open, and expected on no day. By product or category a
    lead is in as many pieces as it has lines with amounts in its currency (see opportunities), each
    of its own product, and one of the lead's own product for what they are short of its amount, or
    over; a lead without lines is of its own product, and the category of that now. With `as_of`
    all is as it was at that moment, by what had happened by then: leads, owners, stages, lines and
    probabilities. A representative or partner sees the leads it owned then. At most 36 months.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    since, until = parameters.months()
    filters, levels = chosen(parameters, key), parameters.levels()
    name = f"/v1/forecast {since} {until} {parameters.by} {parameters.as_of} {levels} {filters}"
    cursor = cursors_of(site).read(name, parameters.cursor)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        odds = await queries.odds(connection, schema, parameters.as_of)
        asked = Asked(parameters.as_of, odds, levels, filters)
        found = await queries.sums(connection, schema, asked, parameters.by, since, until)
    rows = shown.rows(found)
    after = tuple(str(part) for part in cursor) if cursor else ()
    keys = [each for each in rows if each > after][: parameters.limit + 1]
    part = keys[: parameters.limit]
    more = len(keys) > parameters.limit
    return json_response(
        {
            "as_of": rfc3339(parameters.as_of) if parameters.as_of else None,
            "from": since,
            "to": until,
            "by": parameters.by or None,
            "data": [shown.row(parameters, each, rows[each]) for each in part],
            "next_cursor": cursors_of(site).write(name, [*part[-1]]) if more else None,
        }
    )


def chosen(parameters: Whose, key: Key) -> tuple[Filter, ...]:
    """What was asked for, and what may be seen."""
    given = parameters.model_dump(exclude_none=True)
    found = [
        Filter(name, tuple(value) if isinstance(value, list) else value)
        for name, value in given.items()
        if name in CONDITIONS
    ]
    may = seen_by(key)
    return (*found, *(() if may is None else (Filter("owner_eq", (may,)),)))


@router.get(
    "/v1/forecast/leads",
    summary="The leads of a sum",
    responses=answers(documents.LEADS, 304),
    response_class=Response,
)
async def behind(request: Request, parameters: Annotated[Behind, Query()], key: Reader) -> Response:
    """A page of the leads that a sum of `GET /v1/forecast` is made of, by id, as they were then.

    `day` is when it is expected to close, or was won; `amount`, in minor units of `currency`, what
    is expected, or what it was won for - of a product or category alone, what its lines of that
    come to; `probability` of winning from the stage in percent. `product` and `category` are null
    where there are several.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    filters, levels = chosen(parameters, key), parameters.levels()
    since = parameters.month.replace(day=1) if parameters.month else None
    what, year = parameters.what, 0
    if what == "last_year":
        what, year = "won", -12
    since = months(since, year) if since else None
    until = months(since, 1) if since else None
    name = f"/v1/forecast/leads {what} {since} {parameters.currency} {parameters.as_of}"
    name += f" {levels} {filters}"
    cursor = cursors_of(site).read(name, parameters.cursor)
    after = str(cursor[0]) if cursor else None
    async with site.pool.acquire() as connection, connection.transaction(readonly=True):
        odds = await queries.odds(connection, schema, parameters.as_of)
        asked = Asked(parameters.as_of, odds, levels, filters)
        rows = await queries.behind(
            *(connection, schema, asked, what, since, until),
            *(parameters.currency, after, parameters.limit),
        )
    part = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    mark = cursors_of(site).write(name, [part[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in part], mark))


@router.get(
    "/v1/forecast/moves",
    summary="How the forecast of a month moved",
    responses=answers(documents.MOVES),
    response_class=Response,
)
async def moves(request: Request, parameters: Annotated[Moved, Query()], key: Reader) -> Response:
    """What came in, went out, changed or slipped between two moments: a page of the leads that made
    a difference, the greatest first, and the sums of all by currency.

    `before` and `after` of a currency are the forecast of the month at each moment, by class, and
    what was `won` in the month by then: from before the month until after it, forecast against
    what happened. `difference` is what a lead adds to `total` (minor units): before + all
    differences = after. `kind`: came_in, reopened, slipped_in (from an earlier month), pulled_in
    (from a later one); raised, lowered, class_changed; won, lost, slipped_out (to a later month),
    pulled_out, undated (expected on no day any more), dropped (no amount, no probability, or of
    somebody else); won_unforecast: won in the month without having been in its forecast, or not in
    that currency. Owners and all else are as they were at each moment; the product is the lead's
    own. 422 where more than 20,000 leads are concerned.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    filters, levels = chosen(parameters, key), parameters.levels()
    then, at = parameters.moments()
    first = parameters.month.replace(day=1)
    days = Days(first, months(first, 1))
    name = f"/v1/forecast/moves {first} {then} {at} {levels} {filters}"
    cursor = cursors_of(site).read(name, parameters.cursor)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        sides = [
            Asked(moment, await queries.odds(connection, schema, moment), levels, filters)
            for moment in (then, at)
        ]
        both = await queries.both(connection, schema, sides[0], sides[1], *days)
    if len(both) > MOST_MOVED:
        detail = f"More than {MOST_MOVED:,} leads: ask for those of one owner or pipeline."
        raise wrong_parameter("month", "too_many", detail)
    found = moving.moves(both, days, levels)
    found.sort(key=lambda each: (-abs(each.difference), each.lead, each.currency))
    done = int(cursor[0] or 0) if cursor else 0
    part = found[done : done + parameters.limit]
    upto = done + len(part)
    return json_response(
        {
            "month": first,
            "from": rfc3339(then),
            "to": rfc3339(at) if at else None,
            "currencies": shown.currencies(both, found, days, levels),
            "data": [shown.move(each) for each in part],
            "next_cursor": cursors_of(site).write(name, [upto]) if upto < len(found) else None,
        }
    )
