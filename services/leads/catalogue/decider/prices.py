"""What a price list must say: every check yields what is wrong, so that all of it is said."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from services.leads.bounds import LARGEST
from services.leads.catalogue.bounds import (
    MOST_BASES,
    MOST_BREAKS,
    MOST_OF_ONE,
    MOST_PERCENT,
    MOST_PRICES,
    WHOLE,
)
from services.leads.catalogue.events import Break, Terms
from services.leads.catalogue.listing import standing
from services.leads.catalogue.pricing.amounts import list_price, parts_price
from services.leads.catalogue.pricing.lines import Catalogue
from services.leads.catalogue.states import PriceList, Product, Retired, Sold
from services.leads.currencies import CURRENCIES
from services.leads.decider.checks import Wrong, day, escaped, whole
from shared.errors import FieldError


def wrong_terms(
    name: str, terms: Terms, base: PriceList | None, products: Mapping[str, Product]
) -> Wrong:
    """All that is wrong with what a list says, given the one that it stands on and its products."""
    if terms.currency not in CURRENCIES:
        detail = f"{terms.currency!r} is no currency of ISO 4217; one is EUR."
        yield FieldError("/currency", "unknown_currency", detail)
    wrong = [*_wrong_base(name, terms, base), *_wrong_prices(terms, products)]
    yield from wrong
    yield from _wrong_days(terms, base)
    if not wrong:
        whole_list = standing(name, 0, terms, base)
        yield from _wrong_bundles(terms, Catalogue(products, whole_list))


def _wrong_base(name: str, terms: Terms, base: PriceList | None) -> Wrong:
    if terms.base is None:
        yield from _wrong_alone(terms)
        return
    yield from whole(terms.percent, "/percent", -WHOLE, MOST_PERCENT)
    if terms.base == name:
        yield FieldError("/base", "price_list_cycle", "A list cannot stand on itself.")
    elif base is None:
        yield FieldError("/base", "unknown_price_list", f"There is no price list {terms.base!r}.")
    elif name in base.on:
        yield FieldError("/base", "price_list_cycle", f"{base.name!r} stands on {name!r}.")
    elif base.currency != terms.currency:
        detail = f"{base.name!r} is in {base.currency}: a list on it is in the same currency."
        yield FieldError("/currency", "other_currency", detail)
    elif len(base.on) >= MOST_BASES:
        yield FieldError("/base", "too_deep", f"At most {MOST_BASES} lists under a list.")


def _wrong_alone(terms: Terms) -> Wrong:
    if terms.percent:
        detail = "A percentage changes the prices of a base: name the list that this stands on."
        yield FieldError("/percent", "base_missing", detail)
    if not terms.prices:
        yield FieldError("/prices", "no_prices", "A list that stands on no other has prices.")


def _wrong_days(terms: Terms, base: PriceList | None) -> Wrong:
    wrong = [*day(terms.valid_from, "/valid_from"), *day(terms.valid_to, "/valid_to")]
    yield from wrong
    if wrong:
        return
    under = base or PriceList("", 0, "", {})
    since = max(terms.valid_from or "", under.valid_from or "")
    until = min(terms.valid_to or "9999", under.valid_to or "9999")
    if since > until:
        detail = f"From {since} to {until}: it would never be valid."
        yield FieldError("/valid_to", "never_valid", detail)


def _wrong_prices(terms: Terms, products: Mapping[str, Product]) -> Wrong:
    yield from whole(len(terms.prices), "/prices", 0, MOST_PRICES)
    for sku, breaks in terms.prices.items():
        pointer = f"/prices/{escaped(sku)}"
        if not isinstance(products.get(sku), Sold | Retired):
            yield FieldError(pointer, "unknown_sku", f"There is no product {sku!r}.")
        yield from _wrong_breaks(breaks, pointer)


def _wrong_breaks(breaks: Sequence[Break], pointer: str) -> Wrong:
    yield from whole(len(breaks), pointer, 1, MOST_BREAKS)
    for number, each in enumerate(breaks):
        at = f"{pointer}/{number}"
        yield from whole(each.quantity, f"{at}/quantity", 1, MOST_OF_ONE)
        yield from _wrong_price(each.price, f"{at}/price")
    if not breaks:
        return
    if breaks[0].quantity != 1:
        detail = "The first price is that from a quantity of 1 on."
        yield FieldError(f"{pointer}/0/quantity", "first_break", detail)
    for number, (one, next_) in enumerate(pairwise(breaks), 1):
        yield from _wrong_order(one, next_, f"{pointer}/{number}")


def _wrong_price(price: int, pointer: str) -> Wrong:
    if type(price) is not int:
        detail = f"Whole minor units of the currency, such as 4990 for 49.90 EUR, not {price!r}."
        yield FieldError(pointer, "minor_units", detail)
    else:
        yield from whole(price, pointer, 0, LARGEST)


def _wrong_order(one: Break, next_: Break, pointer: str) -> Wrong:
    if next_.quantity <= one.quantity:
        detail = f"Breaks are in the order of their quantities: {next_.quantity} is not after "
        yield FieldError(f"{pointer}/quantity", "break_order", f"{detail}{one.quantity}.")
    elif next_.price > one.price:
        detail = f"More costs no more each: {next_.price} is over {one.price}."
        yield FieldError(f"{pointer}/price", "break_dearer", detail)


def _wrong_bundles(terms: Terms, catalogue: Catalogue) -> Wrong:
    """Bundles that do not cost less than what is in them, by the same list."""
    for sku, breaks in terms.prices.items():
        product = catalogue.known(sku)
        contents = product.contents if product else {}
        pointer = f"/prices/{escaped(sku)}"
        missing = [part for part in contents if list_price(catalogue, part, 1) is None]
        if missing:
            detail = f"{', '.join(missing)} of the bundle {sku!r} has no price in this list."
            yield FieldError(pointer, "price_missing", detail)
        for number, each in enumerate(() if missing else breaks):
            parts = parts_price(catalogue, sku, each.quantity)
            if parts is not None and each.price >= parts:
                detail = f"What is in {sku!r} comes to {parts}: it costs less, not {each.price}."
                yield FieldError(f"{pointer}/{number}/price", "bundle_not_cheaper", detail)
