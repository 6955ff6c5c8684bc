"""The parts that leads is made of, beside leads themselves."""

from services.leads import (
    accounts,
    callers,
    catalogue,
    follow_ups,
    forecasting,
    history,
    measuring,
    partners,
    planning,
    prospects,
    quotes,
)
from services.leads.part import Part

PARTS: tuple[Part, ...] = (
    catalogue.PART,
    measuring.PART,
    planning.PART,
    forecasting.PART,
    follow_ups.PART,
    prospects.PART,
    quotes.PART,
    accounts.PART,
    callers.PART,
    history.PART,
    partners.PART,
)
