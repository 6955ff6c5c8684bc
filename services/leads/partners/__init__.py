"""Partners: what they are called and pay by, and which data of customers they are shown."""

from services.leads.part import Part
from services.leads.partners.decider import PARTNER

PART = Part(deciders=(PARTNER,))
