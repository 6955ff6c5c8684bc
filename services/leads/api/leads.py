"""The list of leads, and those that may be the same."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.leads.api import documents
from services.leads.api.context import cursors_of, schema_of, sight_of, site_of
from services.leads.api.odds import from_stage, pipeline_named
from services.leads.api.parameters import Duplicates, Leads
from services.leads.api.teams import of_members
from services.leads.queries import duplicates, leads
from services.leads.queries.filters import Filter, seen
from services.leads.seeing import Sight
from shared.auth import Key, require
from shared.documents import answers
from shared.http import conditional, json_response, page, wrong_parameter

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]


@router.get(
    "/v1/leads",
    summary="The list of leads",
    responses=answers(documents.LEADS, 304, 404),
    response_class=Response,
)
async def all_leads(
    request: Request, parameters: Annotated[Leads, Query()], key: Reader
) -> Response:
    """A page of the leads, those touched latest first.

    Amounts are in minor units of their `currency`; to sort or filter by them needs
    `filter[currency][eq]`, so that no two currencies are compared. `customer` is whom the subject
    belongs to now, `rule` that of routing by which it has its owner (null: by hand), `reached` the
    most points that such a rule asks for and it came to. A representative sees the leads of all
    members of its teams, a partner those that it owns or gave. 404 for a pipeline that is not
    there, where `filter[reached][eq]` names a stage of one.
    """
    site = site_of(request)
    filters = await _filters(request, parameters, await sight_of(request, key))
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/leads {parameters.sort} {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    listing = leads.Listing(
        parameters.sort.removeprefix("-"),
        parameters.sort.startswith("-"),
        filters,
        parameters.limit,
        (str(after[0]), str(after[1])) if after else None,
    )
    async with site.pool.acquire() as connection:
        rows = await leads.page(connection, schema, listing)
    shown = rows[: listing.limit]
    more = len(rows) > listing.limit
    cursor = cursors_of(site).write(name, [*shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))


async def _filters(request: Request, parameters: Leads, sight: Sight | None) -> tuple[Filter, ...]:
    """What was asked for, and what may be seen. Raises Unprocessable, NotFound."""
    by_money = parameters.sort.endswith("amount") or any(
        bound is not None for bound in (parameters.amount_gte, parameters.amount_lte)
    )
    if by_money and parameters.currency_eq is None:
        raise wrong_parameter(
            "filter[currency][eq]", "required", "To sort or filter by amount, name the currency."
        )
    filters = (*await of_members(request, parameters.filters()), *seen(sight))
    if parameters.reached_eq is None:
        return filters
    named = parameters.pipeline_eq or []
    if len(named) != 1:
        raise wrong_parameter(
            "filter[pipeline][eq]", "required", "Stages are reached in one pipeline: name it."
        )
    stages = from_stage(await pipeline_named(request, named[0]), parameters.reached_eq)
    return tuple(
        Filter(each.name, stages) if each.name == "reached_eq" else each for each in filters
    )


@router.get(
    "/v1/leads/duplicates",
    summary="Open leads of one customer in one pipeline",
    responses=answers(documents.DUPLICATES),
    response_class=Response,
)
async def all_duplicates(
    request: Request, parameters: Annotated[Duplicates, Query()], key: Reader
) -> Response:
    """A page of customers who have several open leads in one pipeline, each with those leads.

    A customer is what its subjects belong to now: two leads that began apart stand here once it is
    known that one person asked. `count` is how many there are, `leads` has at most 50, the latest
    touched first. `POST /v1/leads/{id}/merge` makes one of two.
    """
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    named = parameters.pipeline_eq
    filters = (
        *((Filter("pipeline_eq", tuple(named)),) if named else ()),
        *seen(await sight_of(request, key)),
    )
    name = f"/v1/leads/duplicates {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    mark = duplicates.Mark(str(after[0]), str(after[1])) if after else None
    async with site.pool.acquire() as connection:
        rows = await duplicates.page(connection, schema, filters, parameters.limit, mark)
    shown = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    content = {
        "data": [
            {**at._asdict(), "count": count, "leads": msgspec.Raw(found.encode())}
            for at, count, found in shown
        ],
        "next_cursor": cursors_of(site).write(name, [*shown[-1][0]]) if more else None,
    }
    return json_response(content)
