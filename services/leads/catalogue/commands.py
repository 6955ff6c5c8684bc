"""What may be asked of the catalogue; what a decision rests on comes with the command."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.leads.catalogue.events import Definition, Terms
from services.leads.catalogue.states import PriceList, Product


@dataclass(frozen=True, kw_only=True)
class DefineProduct:
    """A product that is not there yet; `related` are all products that it names, by sku, and those
    in the bundles among them."""

    product: Definition
    related: Mapping[str, Product]
    at: str


@dataclass(frozen=True, kw_only=True)
class ChangeProduct:
    """A product that is there becomes this; `related` as above."""

    product: Definition
    related: Mapping[str, Product]
    at: str


@dataclass(frozen=True, kw_only=True)
class RetireProduct:
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RestoreProduct:
    at: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DefinePriceList:
    """A price list that is not there yet.

    `base` is the list that it stands on, whole, None where there is no list of that name;
    `products` are those that it prices, by sku, with those in the bundles among them.
    """

    name: str
    terms: Terms
    base: PriceList | None
    products: Mapping[str, Product]
    at: str


@dataclass(frozen=True, kw_only=True)
class ChangePriceList:
    """A price list that is there says this; `base` and `products` as above."""

    terms: Terms
    base: PriceList | None
    products: Mapping[str, Product]
    at: str


ProductCommand = DefineProduct | ChangeProduct | RetireProduct | RestoreProduct
PriceListCommand = DefinePriceList | ChangePriceList
