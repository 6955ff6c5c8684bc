"""Measures of customers, sales and their cost: what orders, subscriptions and contacts come to."""

from services.leads.events import LeadVisited
from services.leads.inbound import Interaction
from services.leads.made_by import itself, stamped
from services.leads.measuring.api import router
from services.leads.measuring.projections import MERGES, project, visited
from services.leads.part import Part

PART = Part(
    routers=(router,),
    paths=("/v1/measures",),
    tables=MERGES,
    project={Interaction: project, LeadVisited: visited},
    made_by={
        "orders": stamped("attached", "placed", "cancelled"),
        **dict.fromkeys(("returns", "terms"), stamped("stamp")),
        **dict.fromkeys(("costs", "contacts"), itself),
    },
)
