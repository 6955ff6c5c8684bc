"""What comes of customers: the field's own measures, each with the list of what is behind it."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api.context import cursors_of, schema_of, site_of
from services.leads.api.teams import teams_of
from services.leads.measuring import documents, periods, queries
from services.leads.measuring.choosing import chosen
from services.leads.measuring.parameters import Behind, Measured
from services.leads.measuring.periods import BUCKETS
from services.leads.measuring.queries import Asked, Number
from services.leads.measuring.shown import Found, Links, group
from shared.auth import Key, require
from shared.clock import now
from shared.documents import answers
from shared.http import conditional, json_response, page

router = APIRouter(tags=["measures"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/measures",
    summary="Numbers about customers, sales and their cost",
    responses=answers(documents.MEASURES),
    response_class=Response,
)
async def measures(
    request: Request, parameters: Annotated[Measured, Query()], key: Reader
) -> Response:
    """A page of groups (`by`), by name or day, each with its numbers; `query` lists what is behind.

    A customer, its orders, subscriptions and letters are told by the customer's **lead**: the one
    captured last, merged ones left out; `null` is without any. Contacts are told by the
    representative who had them, costs by what they name, events by the lead that they name. A team
    is who is a member of it now: somebody in two counts in both. Amounts are in minor units of
    their currency, never of two in one sum; a number by nothing is null. An order stands unless it
    was cancelled after it was last placed; it counts when it was placed first.
    - `customers.prospective`: with an open lead now, who bought nothing yet. Somebody is a customer
      from the first order that stands, subscription started or lead won
    - `customers.new`: customers since a moment of the period
    - `customers.before`: active in the period before (as many whole months, else days, long):
      bought - an order that stands, a subscription started or renewed - or were subscribers at its
      end. `retained`: of those, active in this period too; `churned`: the others
    - `customers.churn_rate` = churned / before; `churn_reduction` = that of the period before - it
    - `customers.repeat`: placed an order in the period that is not their first
    - `leads.open` now; `leads.new` captured, `leads.won` closed as won and not open again since.
      Closing rate, cycle time and funnel: `GET /v1/leads/measures`
    - `sales_calls`: calls for the purpose `sales`, and visits made for it or for none named;
      `sales_calls_per_lead` = sales calls / new leads
    - `proposals`: quotes sent; `overdue_steps`: steps of follow-ups that became overdue
    - `activity`: calls, visits made, mail, messages and letters of ours, by type; a visit that was
      reported with a lead (`POST /v1/leads/{id}/visits`) is one made
    - `revenue`: of the orders placed in the period, `net` = amount - what was `returned` of them in
      their currency; `new`: of customers who are so since this period
    - `recurring`: subscriptions at the end of the period, now if that is later: `yearly` = amount a
      term x terms a year (365 days, 52 weeks, 12 months); null where the term is not understood
    - `costs` from `cost.recorded`: `per_lead` = those for the purpose `leads` / new leads,
      `per_sale` = all but those for `retention` / won leads, rounded half up
    - `lifetime`: value so far, of customers until the end of the period: orders - returns - cost
      of their lines - costs recorded on the customer; `mean` over the `customers` with any
    What is so now is null by days, weeks and months. At most 1,098 days.
    """
    site = site_of(request)
    teams = await teams_of(request)
    filters = chosen(parameters, teams, key)
    schema = await schema_of(site, parameters.min_position)
    by, days = parameters.by, parameters.days()
    name = f"/v1/measures {by} {days} {filters}"
    cursor = cursors_of(site).read(name, parameters.cursor)
    mark = str(cursor[0]) if cursor else None
    bounds = _bounds(by, days, mark, parameters.limit)
    asked = Asked(periods.thresholds(bounds[: parameters.limit + 1]), now(), filters)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        after = mark if by not in BUCKETS else None
        rows = await queries.numbers(connection, schema, asked, by, teams, after, parameters.limit)
    found = _groups(by, bounds, rows)
    shown = found[: parameters.limit]
    more = len(found) > parameters.limit
    return json_response(
        {
            "by": by or None,
            "data": [_shown(parameters, each, rows) for each in shown],
            "next_cursor": cursors_of(site).write(name, [_mark(by, shown[-1])]) if more else None,
        }
    )


Group = tuple[str, int, date, date]
"""A group: its name, the number of its period, and the days of that."""


def _bounds(by: str, days: tuple[date, date], mark: str | None, limit: int) -> list[date]:
    """Where the periods begin and end that are asked for: one more than the limit if there is."""
    if by not in BUCKETS:
        return [*days]
    since = periods.after(date.fromisoformat(mark), by) if mark else days[0]
    return periods.buckets(since, days[1], by)[: limit + 2]


def _groups(by: str, bounds: Sequence[date], rows: Sequence[Number]) -> list[Group]:
    if by in BUCKETS:
        pairs = pairwise(bounds)
        return [("", n, since, until) for n, (since, until) in enumerate(pairs, 1)]
    names = dict.fromkeys(row.group for row in rows)
    return [(each, 1, *bounds) for each in (names or ({} if by else {"": None}))]  # type: ignore[misc]


def _mark(by: str, group: Group) -> str:
    return str(group[2]) if by in BUCKETS else group[0]


def _shown(parameters: Measured, at: Group, rows: Sequence[Number]) -> dict[str, Any]:
    name, period, since, until = at
    links = Links(parameters, name, (since, until))
    found = Found((row for row in rows if (row.group, row.period) == (name, period)), links)
    named = str(since) if parameters.by in BUCKETS else name or None
    return {
        "group": named,
        "from": since,
        "to": until,
        **group(found, now=parameters.by not in BUCKETS),
    }


@router.get(
    "/v1/measures/behind",
    summary="What is behind a number",
    responses=answers(documents.BEHIND, 304),
    response_class=Response,
)
async def behind(request: Request, parameters: Annotated[Behind, Query()], key: Reader) -> Response:
    """A page of what a number of `GET /v1/measures` counts, the latest first.

    `kind` says what `id` names: a lead, a customer, an event, an `order` or `subscription` as
    NAMESPACE:NUMBER, a `cost` or `contact` by the 128-bit name of its event. `value` is the
    currency or the type, `amount` minor units. The rest is what it is told by.
    """
    site = site_of(request)
    teams = await teams_of(request)
    filters = chosen(parameters, teams, key)
    schema = await schema_of(site, parameters.min_position)
    days = parameters.days()
    name = f"/v1/measures/behind {parameters.what} {days} {filters}"
    cursor = cursors_of(site).read(name, parameters.cursor)
    after = (str(cursor[0]), str(cursor[1])) if cursor else None
    asked = Asked(periods.thresholds(days), now(), filters)
    async with site.pool.acquire() as connection, connection.transaction(readonly=True):
        rows = await queries.behind(
            connection, schema, asked, parameters.what, after, parameters.limit
        )
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    written = cursors_of(site).write(name, [*shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], written))
