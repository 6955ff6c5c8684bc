"""Opportunities and quotes: what a lead is worth, what is offered for it, what is ordered of that.

Owns the streams opportunity and quote; sends `order.placed` to contact.
"""

from services.leads.made_by import stream, version
from services.leads.part import Part
from services.leads.quotes.api import ROUTERS
from services.leads.quotes.decider import OPPORTUNITY, QUOTE
from services.leads.quotes.decider.opportunity import stream_of
from services.leads.quotes.expiring import EXPIRING
from services.leads.quotes.placing import placing
from services.leads.quotes.policies import REACT
from services.leads.quotes.projections import PROJECT, TABLES

PART = Part(
    routers=ROUTERS,
    paths=("/v1/quotes",),
    deciders=(OPPORTUNITY, QUOTE),
    tables=TABLES,
    project=PROJECT,
    react=REACT,
    singles=(EXPIRING,),
    singles_of=placing,
    made_by={
        **dict.fromkeys(
            ("opportunities", "opportunity_lines", "opportunity_people"), version("lead", stream_of)
        ),
        "quotes": stream("quote"),
        "quotes_awaited": version("stream"),
    },
)
