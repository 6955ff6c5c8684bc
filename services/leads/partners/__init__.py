"""Partners: what they are called and pay by, and which data of customers they are shown."""

from services.leads.made_by import stream
from services.leads.part import Part
from services.leads.partners.api import router
from services.leads.partners.decider import PARTNER
from services.leads.partners.projections import PROJECT, TABLES

PART = Part(
    routers=(router,),
    paths=("/v1/partners",),
    deciders=(PARTNER,),
    tables=TABLES,
    project=PROJECT,
    made_by={"partners": stream("partner")},
)
