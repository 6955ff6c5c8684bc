"""What is read of prospects: the list, what happened to one, who looks like those we won."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.leads.api.context import cursors_of, schema_of, site_of
from services.leads.api.histories import happened
from services.leads.prospects.api import examples
from services.leads.prospects.api.context import Reader, prospect
from services.leads.prospects.queries import prospects, ranking
from services.leads.prospects.queries.ranking import Ranked
from services.leads.queries import scores
from services.leads.queries.filters import Filter
from services.leads.queries.scores import Horizon
from shared.clock import now, rfc3339
from shared.documents import answers
from shared.errors import NotFound
from shared.http import conditional, json_response, page
from shared.parameters import Line, Moment, Page

router = APIRouter(tags=["prospects"])
State = Literal["waiting", "barred", "promoted", "dropped"]
Sort = Literal["touched", "-touched", "come_back", "-come_back", "kept", "-kept"]


class Chosen(Page):
    """Which prospects."""

    due_eq: bool | None = Field(
        None, alias="filter[due][eq]", description="Whether the date to come back came."
    )
    list_eq: list[Line] | None = Field(
        None, alias="filter[list][eq]", max_length=50, description="On any of these lists."
    )
    source_eq: list[Line] | None = Field(
        None, alias="filter[source][eq]", max_length=50, description="Any of these sources."
    )

    def filters(self) -> tuple[Filter, ...]:
        """The conditions that were sent."""
        return tuple(
            Filter(name, _value(value))
            for name in prospects.CONDITIONS
            if (value := getattr(self, name, None)) is not None
        )


class Prospects(Chosen):
    """The list of prospects."""

    sort: Sort = Field(
        "-touched", description="`-` for descending; without a date to come back: latest."
    )
    state_eq: list[State] | None = Field(
        None, alias="filter[state][eq]", max_length=4, description="Any of these states."
    )
    customer_eq: UUID | None = Field(
        None,
        alias="filter[customer][eq]",
        description="A customer's id, or any subject: who belongs to the same one now.",
    )
    come_back_gte: Moment | None = Field(None, alias="filter[come_back][gte]")
    come_back_lt: Moment | None = Field(None, alias="filter[come_back][lt]")
    touched_gte: Moment | None = Field(None, alias="filter[touched][gte]")
    touched_lt: Moment | None = Field(None, alias="filter[touched][lt]")


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return str(value) if isinstance(value, UUID) else value


@router.get(
    "/v1/prospects",
    summary="The list of prospects",
    responses=answers(examples.PROSPECTS, 304),
    response_class=Response,
)
async def all_prospects(
    request: Request, parameters: Annotated[Prospects, Query()], key: Reader
) -> Response:
    """A page of the prospects, those touched latest first.

    Who is due now: `filter[due][eq]=true&sort=come_back`. `reason` says why one was barred or
    dropped, `lead` into which lead it was promoted last, `customer` whom it belongs to now.
    """
    site = site_of(request)
    filters = parameters.filters()
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/prospects {parameters.sort} {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    listing = prospects.Listing(
        parameters.sort.removeprefix("-"),
        parameters.sort.startswith("-"),
        filters,
        parameters.limit,
        (str(after[0]), str(after[1])) if after else None,
    )
    async with site.pool.acquire() as connection:
        rows = await prospects.page(connection, schema, listing)
    shown = rows[: listing.limit]
    more = len(rows) > listing.limit
    cursor = cursors_of(site).write(name, [*shown[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in shown], cursor))


@router.get(
    "/v1/prospects/{id}/history",
    summary="What happened to a prospect",
    responses=answers(examples.HISTORY, 304, 404),
    response_class=Response,
)
async def what_happened(
    request: Request, id: UUID, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """A page of its events, in the order of its versions, the newest last."""
    kept = await prospect(request, id)
    return await happened(request, kept.stream, parameters)


@router.get(
    "/v1/prospects/ranked",
    summary="Prospects ranked by the rules of scoring",
    responses=answers(examples.RANKED, 404),
    response_class=Response,
)
async def all_ranked(
    request: Request, parameters: Annotated[Chosen, Query()], key: Reader
) -> Response:
    """Who looks most like those that were won: prospects who wait, the most points first.

    Points and grade are those of the rules that stand, as a lead's score has them; `reasons` are
    their parts by rule, and sum to the points. Of those who wait, the 1,000 touched latest are
    `looked_at`; of each subject the latest 1,000 interactions, else `complete` is false. Later
    pages are as of the same moment, `as_of`. 404 `no_rules` while there are none.
    """
    site = site_of(request)
    filters = (Filter("state_eq", ("waiting",)), *parameters.filters())
    schema = await schema_of(site, parameters.min_position)
    name = f"/v1/prospects/ranked {filters}"
    after = cursors_of(site).read(name, parameters.cursor)
    at = datetime.fromisoformat(str(after[0])) if after else now()
    horizon = Horizon(at, at)
    async with (
        site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rules = await scores.rules(connection, schema, horizon)
        if rules is None:
            raise NotFound("There are no rules of scoring yet.", code="no_rules")
        found, waiting = await ranking.ranked(connection, schema, rules, filters, horizon)
        place = (int(after[1] or 0), str(after[2])) if after else None
        left = [each for each in found if place is None or each.place > place]
        chosen = left[: parameters.limit]
        shown = await prospects.shown(connection, schema, [each.prospect for each in chosen])
    more = len(left) > parameters.limit
    mark: list[str | int | None] | None = [rfc3339(at), *chosen[-1].place] if more else None
    return json_response(
        {
            "as_of": rfc3339(at),
            "version": rules.version,
            "looked_at": len(found),
            "waiting": waiting,
            "data": [_ranked(each, shown[each.prospect]) for each in chosen],
            "next_cursor": cursors_of(site).write(name, mark) if mark else None,
        }
    )


def _ranked(each: Ranked, shown: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(shown)
    return found | {
        "points": each.score.points,
        "grade": each.score.grade,
        "hot": each.score.hot,
        "complete": each.is_whole,
        "reasons": _reasons(ranking.reasons(each.score.parts)),
    }


def _reasons(found: Sequence[ranking.Reason]) -> list[dict[str, Any]]:
    return [
        {
            "points": ranking.points(each.units),
            "rule": each.rule,
            "kind": each.kind,
            "group": each.group,
            "times": each.times,
            "found": each.found,
        }
        for each in found
    ]
