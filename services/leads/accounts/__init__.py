"""Accounts: the people of an organisation, who reports to whom, and what was noted about it."""

from services.leads.accounts.decider import ACCOUNT
from services.leads.part import Part

PART = Part(deciders=(ACCOUNT,))
