"""Boards: a pipeline with what stands in each of its stages."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.leads.api import documents
from services.leads.api.context import cursors_of, schema_of, sight_of, site_of
from services.leads.api.money import Sum, summed
from services.leads.api.odds import numbered, pipeline_named
from services.leads.api.parameters import Board
from services.leads.queries import boards
from services.leads.queries.boards import Card, Cell
from services.leads.queries.filters import seen
from services.leads.states import Defined
from shared.auth import Key, require
from shared.cursors import Cursors
from shared.documents import answers
from shared.http import conditional, wrong_parameter

router = APIRouter(tags=["leads"])
Reader = Annotated[Key, Depends(require("read"))]
Name = Annotated[str, Path(min_length=1, max_length=64)]


@router.get(
    "/v1/boards/{pipeline}",
    summary="A pipeline with what stands in each stage",
    responses=answers(documents.BOARD, 304, 404),
    response_class=Response,
)
async def board(
    request: Request, pipeline: Name, parameters: Annotated[Board, Query()], key: Reader
) -> Response:
    """The open leads of a pipeline by its present stages: counts, sums, and the latest touched.

    `amounts` by currency, in minor units: `leads` that have an amount, the sum of their `amount`s,
    and `weighted`, the sum of amount times probability of the stage, rounded once. Leads in a
    stage that was removed stand in the one that took its place. Each column has its first leads
    and a `next_cursor`: with it and `stage` comes the next page of that column. A representative
    sees, and counts, the leads of its teams, a partner those that it owns or gave.
    """
    return await shown(request, pipeline, parameters, key)


async def shown(request: Request, pipeline: str, parameters: Board, key: Key) -> Response:
    """What the operation answers, whichever way the request came."""
    site = site_of(request)
    found = await pipeline_named(request, pipeline)
    sight = await sight_of(request, key)
    columns = _columns(found, parameters.stage)
    name = f"/v1/boards {pipeline} {parameters.stage} {sight}"
    cursors = cursors_of(site)
    after = cursors.read(name, _cursor(parameters))
    mark = (str(after[0]), str(after[1])) if after else None
    schema = await schema_of(site, parameters.min_position)
    async with site.pool.acquire() as connection:
        cells, cards = await boards.board(
            connection, schema, pipeline, columns, parameters.limit, seen(sight), mark
        )
    content = _content(found, cells) | {
        "columns": [
            _column(found, number, cells)
            | _page(
                cursors, f"/v1/boards {pipeline} {stage} {sight}", cards[stage], parameters.limit
            )
            for number, stage in enumerate(each.name for each in found.stages)
            if stage in cards
        ]
    }
    return conditional(request, msgspec.json.encode(content))


def _cursor(parameters: Board) -> str | None:
    if parameters.cursor is not None and parameters.stage is None:
        raise wrong_parameter("stage", "required", "A cursor is one of a column: name its stage.")
    return parameters.cursor


def _columns(pipeline: Defined, stage: str | None) -> dict[str, str]:
    """For each stage that a lead may be in, the one in whose column it stands."""
    known = numbered(pipeline)
    if stage is not None and pipeline.stage(stage) is None:
        names = ", ".join(each.name for each in pipeline.stages)
        raise wrong_parameter("stage", "unknown_stage", f"{stage!r} is none of {names}.")
    columns = {name: pipeline.stages[number].name for name, number in known.items()}
    return {name: column for name, column in columns.items() if stage in (None, column)}


def _content(pipeline: Defined, cells: Sequence[Cell]) -> dict[str, Any]:
    """The board whole."""
    return {
        "pipeline": pipeline.name,
        "revision": pipeline.revision,
        "leads": sum(cell.leads for cell in cells),
        "amounts": summed(_sums(pipeline, cells)),
    }


def _column(pipeline: Defined, number: int, cells: Sequence[Cell]) -> dict[str, Any]:
    known, stage = numbered(pipeline), pipeline.stages[number]
    mine = [cell for cell in cells if known.get(cell.stage) == number]
    return {
        "stage": stage.name,
        "probability": stage.probability,
        "leads": sum(cell.leads for cell in mine),
        "amounts": summed(_sums(pipeline, mine)),
    }


def _sums(pipeline: Defined, cells: Sequence[Cell]) -> list[Sum]:
    known = numbered(pipeline)
    return [
        Sum(cell.currency, cell.leads, cell.amount, cell.amount * stage.probability)
        for cell in cells
        if cell.currency is not None and cell.amount is not None and cell.stage in known
        for stage in (pipeline.stages[known[cell.stage]],)
    ]


def _page(cursors: Cursors, name: str, cards: Sequence[Card], limit: int) -> dict[str, Any]:
    shown = cards[:limit]
    last = [shown[-1].touched, shown[-1].lead] if len(cards) > limit else None
    return {
        "data": [msgspec.Raw(card.shown.encode()) for card in shown],
        "next_cursor": cursors.write(name, [*last]) if last else None,
    }
