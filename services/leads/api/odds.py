"""Pipelines as reads need them: every stage, its number, its probability of winning."""

from collections.abc import Sequence

from fastapi import Request

from services.leads.api.context import handler_of, pipeline, site_of
from services.leads.decider import PIPELINE
from services.leads.decider.pipeline import defined
from services.leads.queries.measures import Odds
from services.leads.states import Defined
from shared.http import wrong_parameter


async def pipeline_named(request: Request, name: str) -> Defined:
    """A pipeline as it stands, also one that is retired. Raises NotFound."""
    return defined(await pipeline(request, name))


async def all_odds(request: Request) -> Sequence[Odds]:
    """The probability of winning from every stage of every pipeline."""
    rows = await site_of(request).pool.fetch(_STREAMS, PIPELINE.category)
    kept = await handler_of(request).load_all(PIPELINE, [str(row["stream"]) for row in rows])
    found = [defined(each.state) for each in kept.values()]
    return [
        Odds(each.name, stage, each.stages[number].probability)
        for each in found
        for stage, number in numbered(each).items()
    ]


def numbered(pipeline: Defined) -> dict[str, int]:
    """The number of every stage, from 0; of one that was removed that of the one in its place."""
    found = {stage.name: number for number, stage in enumerate(pipeline.stages)}
    removed = {name: found[into] for name, into in pipeline.replaced.items() if into in found}
    return removed | found


def from_stage(pipeline: Defined, stage: str) -> tuple[str, ...]:
    """A stage and all that are later. Raises Unprocessable where it is none."""
    known = numbered(pipeline)
    if stage not in known:
        names = ", ".join(each.name for each in pipeline.stages)
        raise wrong_parameter(
            "filter[reached][eq]", "unknown_stage", f"{stage!r} is none of {names}."
        )
    return tuple(name for name, number in known.items() if number >= known[stage])


_STREAMS = "SELECT stream FROM streams WHERE category = $1"
