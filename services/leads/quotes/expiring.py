"""That the last day of a quote is over is told once."""

from services.leads.part import SOURCE
from services.leads.quotes.commands import ExpireQuote
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.tables import due
from shared.deciding.timers import Moment, Timer, timer


def _expire(moment: Moment) -> ExpireQuote:
    return ExpireQuote(moment=moment.due, at=moment.at)


EXPIRY = Timer("quotes", due.name, QUOTE, _expire)
EXPIRING = timer(SOURCE, EXPIRY)
