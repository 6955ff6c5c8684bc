"""Forecasts: what is expected to be won by month, as it is or was at any moment."""

from services.leads.forecasting.api import router
from services.leads.forecasting.projections import ESTIMATES, KINDS, LINES, estimate, lines
from services.leads.made_by import version
from services.leads.part import Part
from services.leads.quotes.decider.opportunity import stream_of
from services.leads.quotes.events import OpportunityDescribed

PART = Part(
    routers=(router,),
    paths=("/v1/forecast",),
    tables=(ESTIMATES, LINES),
    project={**dict.fromkeys(KINDS, estimate), OpportunityDescribed: lines},
    made_by={"estimates": version("lead"), "estimate_lines": version("lead", stream_of)},
)
