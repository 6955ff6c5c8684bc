"""The facts of the catalogue: what happened to a product, and to a price list."""

from collections.abc import Mapping

from msgspec import Struct

from services.leads.events import Fact


class Definition(Struct, frozen=True, omit_defaults=True):
    """What a product is.

    `unit` is what one of it is counted in. A bundle has `contents`: how many of each product.
    `better` are products that are the upgrade of this one, `goes_with` those that go with it.
    `requires`: sets of products, of which at least one must be there as a whole; `excludes`:
    products that must not be there.
    """

    sku: str
    name: str
    category: str
    unit: str
    description: str = ""
    contents: Mapping[str, int] = {}
    better: tuple[str, ...] = ()
    goes_with: tuple[str, ...] = ()
    requires: tuple[tuple[str, ...], ...] = ()
    excludes: tuple[str, ...] = ()


class Break(Struct, frozen=True):
    """From this quantity on, one costs `price`, in minor units."""

    quantity: int
    price: int


class Terms(Struct, frozen=True, omit_defaults=True):
    """What a price list says.

    It is valid from a day to a day, both included, in UTC; without one, at all times before or
    after. `prices` by sku, each with breaks of which the first begins at 1. A list that stands on
    another one, `base`, has all its prices too, changed by `percent`: hundredths of a percent,
    -1000 is ten percent less; its own prices come first.
    """

    currency: str
    prices: Mapping[str, tuple[Break, ...]] = {}
    valid_from: str | None = None
    valid_to: str | None = None
    base: str | None = None
    percent: int = 0


class ProductDefined(Fact, frozen=True):
    """There is a product; it is sold from now on."""

    product: Definition


class ProductChanged(Fact, frozen=True):
    """A product is this from now on."""

    product: Definition


class ProductRetired(Fact, frozen=True):
    """A product is not sold any more."""

    sku: str
    reason: str = ""


class ProductRestored(Fact, frozen=True):
    """A product that was retired is sold again."""

    sku: str
    reason: str = ""


class PriceListDefined(Fact, frozen=True):
    """There is a price list; this is its version 1."""

    name: str
    terms: Terms


class PriceListChanged(Fact, frozen=True):
    """A price list says this from now on; what was quoted by an earlier version stays quoted."""

    name: str
    version: int
    terms: Terms


ProductEvent = ProductDefined | ProductChanged | ProductRetired | ProductRestored
PriceListEvent = PriceListDefined | PriceListChanged

PRODUCT_EVENTS: Mapping[str, type[ProductEvent]] = {
    "product.defined": ProductDefined,
    "product.changed": ProductChanged,
    "product.retired": ProductRetired,
    "product.restored": ProductRestored,
}
PRICE_LIST_EVENTS: Mapping[str, type[PriceListEvent]] = {
    "price-list.defined": PriceListDefined,
    "price-list.changed": PriceListChanged,
}
