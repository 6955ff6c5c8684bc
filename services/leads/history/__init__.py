"""What happened with a lead: its events, those of its follow-ups, opportunity and quotes."""

from services.leads.history.api import router
from services.leads.part import Part

PART = Part(routers=(router,))
