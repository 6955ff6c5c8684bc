"""Opportunities and quotes over HTTP."""

from services.leads.quotes.api import commands, documents, drafting, opportunities, reading

ROUTERS = (
    opportunities.router,
    drafting.router,
    reading.router,
    commands.router,
    documents.router,
)
