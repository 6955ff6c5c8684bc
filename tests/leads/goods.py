"""Products and price lists: what examples of the catalogue begin with."""

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from services.leads.catalogue.commands import DefinePriceList, DefineProduct
from services.leads.catalogue.events import Break, Definition, Terms
from services.leads.catalogue.pricing import Catalogue
from services.leads.catalogue.states import PriceList, Product, Sold
from tests.records import at


def product(sku: str, **changes: Any) -> Definition:
    wanted = {"sku": sku, "name": sku.title(), "category": "kitchen", "unit": "piece"}
    return Definition(**(wanted | changes))


KETTLE = product("KETTLE", better=("KETTLE-PRO",), goes_with=("TEA",))
PRO = product("KETTLE-PRO")
TEA = product("TEA")
CUP = product("CUP")
LID = product("LID", requires=(("CUP",), ("KETTLE", "TEA")), excludes=("KETTLE-PRO",))
SET = product("SET", contents={"KETTLE": 1, "TEA": 2})
GIFT = product("GIFT", contents={"SET": 1, "CUP": 4})

GOODS = (KETTLE, PRO, TEA, CUP, LID, SET, GIFT)


def sold(*products: Definition) -> dict[str, Product]:
    return {each.sku: Sold(each) for each in products}


ALL = sold(*GOODS)


def prices(**found: int | Iterable[tuple[int, Any]]) -> dict[str, tuple[Break, ...]]:
    """A price, or breaks of (quantity, price), by sku; `_` for a hyphen."""
    return {
        sku.replace("_", "-"): tuple(
            Break(*each) for each in ([(1, one)] if isinstance(one, int) else one)
        )
        for sku, one in found.items()
    }


PRICES = prices(KETTLE=[(1, 5000), (10, 4500)], KETTLE_PRO=8000, TEA=300, CUP=400, LID=150)
BUNDLED = PRICES | prices(SET=5200, GIFT=6500)
TERMS = Terms("EUR", BUNDLED, valid_from="2026-01-01", valid_to="2026-12-31")
STANDARD = PriceList("standard", 3, "EUR", BUNDLED, "2026-01-01", "2026-12-31")
DAY = "2026-06-30"


def catalogue(
    products: Mapping[str, Product] | None = None, price_list: PriceList = STANDARD
) -> Catalogue:
    return Catalogue(ALL if products is None else products, price_list)


def define(product: Definition, related: Mapping[str, Product] = ALL) -> DefineProduct:
    return DefineProduct(product=product, related=related, at=at(1))


def define_list(terms: Terms = TERMS, **changes: Any) -> DefinePriceList:
    wanted: dict[str, Any] = {"name": "standard", "terms": terms, "base": None, "products": ALL}
    return DefinePriceList(**(wanted | {"at": at(1)} | changes))


PRICE = st.integers(0, 10_000)


@st.composite
def breaks(draw: st.DrawFn, alone: bool = False) -> tuple[Break, ...]:
    """Breaks of a price; with `alone` one price for all quantities."""
    more = [] if alone else draw(st.lists(st.integers(2, 30), max_size=3, unique=True))
    found = sorted([1, *more])
    each = sorted(draw(st.lists(PRICE, min_size=len(found), max_size=len(found))), reverse=True)
    return tuple(Break(*pair) for pair in zip(found, each, strict=True))
