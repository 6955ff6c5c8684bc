"""What is to be priced, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from services.leads.catalogue.events import Definition
from services.leads.catalogue.states import PriceList, Product, Retired, Sold


class Line(Struct, frozen=True, omit_defaults=True):
    """So many of a product.

    `discount` in hundredths of a percent, 1000 is ten percent; `price` is what one costs where
    that was agreed by hand, in minor units, in the place of the list's.
    """

    sku: str
    quantity: int
    discount: int = 0
    price: int | None = None


@dataclass(frozen=True)
class Catalogue:
    """Products by sku, as far as lines have to do with them, and the list that prices them."""

    products: Mapping[str, Product]
    price_list: PriceList

    def sold(self, sku: str) -> Definition | None:
        """A product that is sold."""
        found = self.products.get(sku)
        return found.product if isinstance(found, Sold) else None

    def known(self, sku: str) -> Definition | None:
        """A product, sold or not any more."""
        found = self.products.get(sku)
        return found.product if isinstance(found, Sold | Retired) else None
