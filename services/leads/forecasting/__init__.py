"""Forecasts: what is expected to be won by month, as it is or was at any moment."""

from services.leads.forecasting.api import router
from services.leads.forecasting.projections import ESTIMATES, KINDS, estimate
from services.leads.part import Part

PART = Part(
    routers=(router,),
    paths=("/v1/forecast",),
    tables=(ESTIMATES,),
    project=dict.fromkeys(KINDS, estimate),
)
