"""Callers: all that is known of whoever has a telephone number, in one answer."""

from services.leads.callers.api import router
from services.leads.part import Part

PART = Part(routers=(router,), paths=("/v1/callers",))
