"""What a rule may take for granted of a lead: that it is there, that it is open."""

from typing import assert_never

from services.leads.decider.checks import conflict
from services.leads.decider.pipeline import defined
from services.leads.states import (
    Defined,
    Known,
    Lead,
    Lost,
    Merged,
    Open,
    Pipeline,
    Unknown,
    Won,
)
from shared.errors import Conflict, NotFound


def known(state: Lead) -> Open | Won | Lost | Merged:
    """Any lead that is there. Raises NotFound."""
    if isinstance(state, Unknown):
        raise NotFound("There is no such lead.", code="unknown_lead")
    return state


def open_lead(state: Lead) -> Known:
    """A lead that is worked on. Raises NotFound, and Conflict for one that is closed."""
    match known(state):
        case Open(lead):
            return lead
        case Won():
            raise Conflict("This lead is won; reopen it first.", code="lead_won")
        case Lost():
            raise Conflict("This lead is lost; reopen it first.", code="lead_lost")
        case Merged(into=into):
            raise Conflict(
                f"This lead went into {into}; work on that one, or take it out again.",
                code="lead_merged",
                extra={"into": into},
            )
        case _ as never:
            assert_never(never)


def pipeline_of(lead: Known, state: Pipeline) -> Defined:
    """The lead's own pipeline, retired or not: what is open in a retired one is worked to its end.

    Raises Conflict for another one.
    """
    return same_pipeline(lead, defined(state))


def same_pipeline(lead: Known, pipeline: Defined) -> Defined:
    if pipeline.name != lead.pipeline:
        detail = f"The lead is in the pipeline {lead.pipeline!r}, not in {pipeline.name!r}."
        raise conflict("/pipeline", "other_pipeline", detail)
    return pipeline
