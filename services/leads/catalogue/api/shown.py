"""Products, price lists and prices as the API shows them."""

from typing import Any

import msgspec

from services.leads.catalogue.decider.price_list import listed
from services.leads.catalogue.decider.product import known
from services.leads.catalogue.events import Terms
from services.leads.catalogue.states import Listing, PriceList, Product, Retired

_PRODUCT: dict[str, Any] = {
    "description": "",
    "contents": {},
    "better": [],
    "goes_with": [],
    "requires": [],
    "excludes": [],
}
_TERMS: dict[str, Any] = {
    "valid_from": None,
    "valid_to": None,
    "base": None,
    "percent": 0,
    "prices": {},
}


def product(version: int, state: Product) -> dict[str, Any]:
    """A product whole. Raises NotFound where there is none."""
    status = "retired" if isinstance(state, Retired) else "active"
    return {"version": version, "status": status, **_PRODUCT, **msgspec.to_builtins(known(state))}


def price_list(state: Listing) -> dict[str, Any]:
    """A price list as it was written. Raises NotFound where there is none."""
    found = listed(state)
    return {"name": found.name, "version": found.version, **terms(found.terms)}


def terms(found: Terms) -> dict[str, Any]:
    return {**_TERMS, **msgspec.to_builtins(found)}


def whole(found: PriceList) -> dict[str, Any]:
    """A price list with what it has from those that it stands on."""
    names: dict[str, Any] = {"valid_from": None, "valid_to": None, "on": {}}
    return {**names, **msgspec.to_builtins(found)}
