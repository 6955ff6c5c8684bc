"""Whose price list is whose: a partner has the one that it was given, and sees no other."""

from fastapi import Request

from services.leads.api.context import handler_of
from services.leads.partners.decider import PARTNER, stream_of
from services.leads.partners.states import Partner
from shared.auth import Key
from shared.errors import Forbidden

STANDARD = "standard"
"""The list by which is priced where none is named."""

PARTNERS = "partner"
"""The list of every partner."""


async def price_list_of(request: Request, key: Key) -> str | None:
    """The price list that a partner was given; None where it was given none.

    One of whom nothing is said has that of every partner.
    """
    state = (await handler_of(request).load(PARTNER, stream_of(key.principal))).state
    return state.price_list if isinstance(state, Partner) else PARTNERS


async def price_list_for(request: Request, key: Key, asked: str | None) -> str:
    """The list that a key may have prices by. Raises Forbidden."""
    if not is_partner(key):
        return asked or STANDARD
    given = await price_list_of(request, key)
    if given is None:
        raise Forbidden("No price list was given to you.", code="no_price_list")
    if asked not in (None, given):
        raise Forbidden("This is not the price list that was given to you.", code="price_list")
    return given


def is_partner(key: Key) -> bool:
    return key.principal.startswith("partner:")


def refuse_partners(key: Key) -> None:
    """Raises Forbidden for a partner: price lists are ours, and so is what is sold."""
    if is_partner(key):
        raise Forbidden("This is not for partners, who read products and ask for prices.")
