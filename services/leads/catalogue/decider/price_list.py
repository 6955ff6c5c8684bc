"""Price lists: what they say, and how that changes."""

from collections.abc import Sequence
from functools import lru_cache
from typing import assert_never

from services.leads.catalogue.commands import ChangePriceList, DefinePriceList, PriceListCommand
from services.leads.catalogue.decider.prices import wrong_terms
from services.leads.catalogue.events import PriceListChanged, PriceListDefined, PriceListEvent
from services.leads.catalogue.states import Listed, Listing, Unpriced
from services.leads.decider.checks import conflict, name, refusal, refuse
from shared.errors import NotFound
from shared.ids import event_id


@lru_cache(maxsize=1_000)
def stream_of(name: str) -> str:
    """The stream of the price list of that name."""
    return event_id("price-list", name)


def decide(state: Listing, command: PriceListCommand) -> Sequence[PriceListEvent]:
    match command:
        case DefinePriceList():
            return define(state, command)
        case ChangePriceList():
            return change(state, command)
        case _:
            assert_never(command)


def define(state: Listing, command: DefinePriceList) -> Sequence[PriceListEvent]:
    refuse(name(command.name, "/name"))
    refuse(wrong_terms(command.name, command.terms, command.base, command.products))
    match state:
        case Unpriced():
            return [PriceListDefined(command.name, command.terms, at=command.at)]
        case Listed(terms=terms):
            if terms == command.terms:
                return []
            raise conflict("/name", "price_list_defined", f"There is {state.name!r}; change it.")
        case _:
            assert_never(state)


def change(state: Listing, command: ChangePriceList) -> Sequence[PriceListEvent]:
    was = listed(state)
    if command.terms.currency != was.terms.currency:
        detail = f"{was.name!r} is in {was.terms.currency} and stays so; define another list."
        raise refusal("/currency", "currency_changes", detail)
    refuse(wrong_terms(was.name, command.terms, command.base, command.products))
    if was.terms == command.terms:
        return []
    return [PriceListChanged(was.name, was.version + 1, command.terms, at=command.at)]


def evolve(state: Listing, event: PriceListEvent) -> Listing:
    match event:
        case PriceListDefined():
            return Listed(event.name, 1, event.terms)
        case PriceListChanged():
            return Listed(event.name, event.version, event.terms)
        case _:
            assert_never(event)


def listed(state: Listing) -> Listed:
    """The price list. Raises NotFound."""
    if isinstance(state, Unpriced):
        raise NotFound("There is no such price list.", code="unknown_price_list")
    return state
