"""Callers: all that is known of whoever has a telephone number, in one answer."""

from services.leads.callers.api import router
from services.leads.callers.projections import PROJECT, TABLES
from services.leads.made_by import stamped, version
from services.leads.part import Part

PART = Part(
    routers=(router,),
    paths=("/v1/callers",),
    tables=TABLES,
    project=PROJECT,
    made_by={"lead_identifiers": version("lead"), "products_had": stamped("ordered", "registered")},
)
