"""The order of an accepted quote, as contact's door takes it: the same whenever it is made."""

from typing import Any

from services.leads.catalogue.pricing import PricedLine
from services.leads.quotes.states import Accepted
from shared.identifiers import WITHOUT_NAMESPACE
from shared.messages import Identifier

SOURCE = "/leads/quotes"
"""The source of these orders: a key that they come in with may send it."""

NAMESPACE = "quotes"
"""Of the numbers of these orders."""


def event_of(quote: str, state: Accepted) -> dict[str, Any]:
    """A CloudEvent `order.placed` for the quote of that id.

    Its id is that of the quote and the version that was accepted, so that one that is sent again
    is the same event. `amount` is the total in minor units; `price` of a line is that of one
    piece after the discount, rounded half up.
    """
    offer = state.quote.offer(state.version)
    assert offer is not None
    return {
        "specversion": "1.0",
        "id": id_of(quote, state.version),
        "source": SOURCE,
        "type": "order.placed",
        "time": state.at,
        "data": {
            "channel": "desk",
            "direction": "inbound",
            "identifiers": [_identifier(each) for each in state.identifiers],
            "namespace": NAMESPACE,
            "order": state.quote.number,
            "amount": offer.priced.total,
            "currency": offer.priced.currency,
            "lines": [_line(each) for each in offer.priced.lines],
        },
    }


def id_of(quote: str, version: int) -> str:
    return f"{quote}/{version}"


def _line(line: PricedLine) -> dict[str, Any]:
    price = (2 * line.amount + line.quantity) // (2 * line.quantity)
    return {"sku": line.sku, "quantity": line.quantity, "price": price, "name": line.name}


def _identifier(found: Identifier) -> dict[str, str]:
    """As the door takes it; a namespace is always said, so that the key's own is not taken."""
    named = {"kind": found.kind, "value": found.value}
    if found.kind in WITHOUT_NAMESPACE:
        return named
    return named | {"namespace": found.namespace}
