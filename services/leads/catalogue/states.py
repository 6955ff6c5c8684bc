"""What a product and a price list are after their events; a list whole, with its base."""

from collections.abc import Mapping

from msgspec import Struct

from services.leads.catalogue.events import Break, Definition, Terms


class Undefined(Struct, frozen=True, tag=True):
    """There is no such product."""


class Sold(Struct, frozen=True, tag=True):
    """A product that is sold."""

    product: Definition


class Retired(Struct, frozen=True, tag=True):
    """A product that is not sold any more."""

    product: Definition


Product = Undefined | Sold | Retired


class Unpriced(Struct, frozen=True, tag=True):
    """There is no such price list."""


class Listed(Struct, frozen=True, tag=True):
    """A price list as it was written; the version is that of its stream."""

    name: str
    version: int
    terms: Terms


Listing = Unpriced | Listed


class PriceList(Struct, frozen=True, omit_defaults=True):
    """A price list whole, with what it has from the lists that it stands on.

    `on` are those, by name, each with its version, the nearest first; it is valid while all of
    them are.
    """

    name: str
    version: int
    currency: str
    prices: Mapping[str, tuple[Break, ...]]
    valid_from: str | None = None
    valid_to: str | None = None
    on: Mapping[str, int] = {}

    def is_valid(self, day: str) -> bool:
        """Whether it is, on a day such as 2026-01-31."""
        return (self.valid_from or day) <= day <= (self.valid_to or day)

    def price(self, sku: str, quantity: int) -> int | None:
        """What one costs of so many, in minor units; None where it has no price here."""
        breaks = self.prices.get(sku, ())
        return next((each.price for each in reversed(breaks) if each.quantity <= quantity), None)
