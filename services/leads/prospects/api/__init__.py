"""The HTTP API of prospects; paths with a name in the place of an id come first."""

from services.leads.prospects.api import lists, promoting, prospects, reading, rules

ROUTERS = (rules.router, reading.router, promoting.router, prospects.router, lists.router)
