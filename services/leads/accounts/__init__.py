"""Accounts: the people of an organisation, who reports to whom, and what was noted about it."""

from services.leads.accounts.api import router
from services.leads.accounts.decider import ACCOUNT
from services.leads.accounts.projections import PROJECT, TABLES
from services.leads.made_by import stamped
from services.leads.part import Part

PART = Part(
    routers=(router,),
    paths=("/v1/accounts",),
    deciders=(ACCOUNT,),
    tables=TABLES,
    project=PROJECT,
    made_by={"account_members": stamped("stamp")},
)
