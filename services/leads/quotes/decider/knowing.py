"""What a rule may take for granted of a quote: that it is there, how it stands."""

from datetime import date, timedelta

from services.leads.quotes.states import (
    Accepted,
    Declined,
    Expired,
    Open,
    Ordered,
    Quote,
    Unwritten,
    Withdrawn,
)
from shared.errors import Conflict, NotFound

Written = Open | Accepted | Ordered | Declined | Withdrawn | Expired


def known(state: Quote) -> Written:
    """Any quote that is there. Raises NotFound."""
    if isinstance(state, Unwritten):
        raise NotFound("There is no such quote.", code="unknown_quote")
    return state


def open_quote(state: Quote) -> Open:
    """A quote in work. Raises NotFound, and Conflict for one that is over."""
    match known(state):
        case Open() as found:
            return found
        case Expired() as found:
            raise expired(found.valid_until)
        case found:
            name = status(found)
            raise Conflict(f"This quote is {name}.", code=f"quote_{name}")


def status(state: Written) -> str:
    """How a quote stands, in a word; `sent` where the customer has something to accept."""
    if isinstance(state, Open):
        return "drafted" if state.sent is None else "sent"
    return type(state).__name__.lower()


def expired(valid_until: str) -> Conflict:
    """Nobody can accept it any more."""
    return Conflict(
        f"This quote was valid until {valid_until}; revise it and send it again.",
        code="expired",
        extra={"valid_until": valid_until},
    )


def ends(valid_until: str) -> str:
    """The moment at which a last day is over, as events spell it."""
    following = date.fromisoformat(valid_until) + timedelta(days=1)
    return f"{following.isoformat()}T00:00:00.000000Z"
