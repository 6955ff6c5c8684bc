"""What lines cost by a price list: pure, in whole minor units.

A line comes to quantity x unit price x (1 - discount), rounded half up, once a line; the total is
the sum of the lines. The unit price is that of the break that the line's own quantity reaches, or
the one agreed by hand. A bundle never costs more than its parts, in the quantities that it has
of them.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from services.leads.bounds import LARGEST
from services.leads.catalogue.bounds import DEEPEST, MOST_LINES, MOST_OF_ONE, WHOLE
from services.leads.catalogue.events import Definition
from services.leads.catalogue.pricing.lines import Catalogue, Line
from services.leads.catalogue.states import PriceList
from services.leads.decider.checks import Wrong, refuse, whole
from services.leads.decider.checks import day as is_day
from shared.errors import FieldError


class PricedLine(Struct, frozen=True):
    """A line and what it comes to, in minor units.

    `list_price` is what one costs by the list, None where it has no price there; `unit_price` what
    one costs here before the discount; `parts`, of a bundle, what its parts would come to by the
    list, and `saved` how much less the bundle does.
    """

    sku: str
    name: str
    unit: str
    quantity: int
    list_price: int | None
    unit_price: int
    discount: int
    amount: int
    parts: int | None = None
    saved: int = 0


class Priced(Struct, frozen=True):
    """Lines with their amounts and the total, in minor units of `currency`.

    By this version of this list, which stood on these versions of others; `saved` is what the
    bundles among the lines save.
    """

    lines: tuple[PricedLine, ...]
    total: int
    currency: str
    price_list: str
    version: int
    day: str
    saved: int = 0
    on: Mapping[str, int] = {}


def price(catalogue: Catalogue, lines: Sequence[Line], day: str) -> Priced:
    """What lines cost on a day, such as 2026-01-31, in UTC.

    Raises Unprocessable with all that is wrong: a product that is unknown or retired, no price, a
    list that is not valid on the day, a quantity, discount or price out of range.
    """
    refuse([*_wrong_day(catalogue.price_list, day), *_wrong_lines(catalogue, lines)])
    priced = tuple(_priced(catalogue, line) for line in lines)
    refuse(_too_large(priced))
    terms = catalogue.price_list
    return Priced(
        lines=priced,
        total=sum(line.amount for line in priced),
        currency=terms.currency,
        price_list=terms.name,
        version=terms.version,
        day=day,
        saved=sum(line.saved for line in priced),
        on=terms.on,
    )


def list_price(catalogue: Catalogue, sku: str, quantity: int, deep: int = DEEPEST) -> int | None:
    """What one costs by the list, of so many; a bundle never more than its parts."""
    own = catalogue.price_list.price(sku, quantity)
    if own is None:
        return None
    parts = parts_price(catalogue, sku, quantity, deep)
    return own if parts is None else min(own, parts)


def parts_price(catalogue: Catalogue, sku: str, quantity: int, deep: int = DEEPEST) -> int | None:
    """What the parts of one bundle cost by the list, of so many bundles; None where it is no
    bundle, or a part has no price."""
    product = catalogue.known(sku)
    if product is None or not product.contents or deep == 0:
        return None
    found = 0
    for part, number in product.contents.items():
        each = list_price(catalogue, part, quantity * number, deep - 1)
        if each is None:
            return None
        found += each * number
    return found


def discounted(amount: int, discount: int) -> int:
    """An amount less so many hundredths of a percent, rounded half up."""
    return (amount * (WHOLE - discount) + WHOLE // 2) // WHOLE


def _priced(catalogue: Catalogue, line: Line) -> PricedLine:
    product = catalogue.sold(line.sku)
    assert product is not None
    by_list = list_price(catalogue, line.sku, line.quantity)
    unit_price = by_list if line.price is None else line.price
    assert unit_price is not None
    parts = parts_price(catalogue, line.sku, line.quantity)
    has_both = parts is not None and by_list is not None
    return PricedLine(
        sku=line.sku,
        name=product.name,
        unit=product.unit,
        quantity=line.quantity,
        list_price=by_list,
        unit_price=unit_price,
        discount=line.discount,
        amount=discounted(line.quantity * unit_price, line.discount),
        parts=None if parts is None else parts * line.quantity,
        saved=((parts or 0) - (by_list or 0)) * line.quantity if has_both else 0,
    )


def _wrong_day(terms: PriceList, day: str) -> Wrong:
    yield from is_day(day, "/day")
    if not terms.is_valid(day):
        since, until = terms.valid_from or "ever", terms.valid_to or "ever"
        detail = f"{terms.name!r} is valid from {since} to {until}, which {day} is not."
        yield FieldError("/price_list", "price_list_not_valid", detail)


def _wrong_lines(catalogue: Catalogue, lines: Sequence[Line]) -> Wrong:
    if not lines:
        yield FieldError("/lines", "no_lines", "There is at least one line.")
    yield from whole(len(lines), "/lines", 0, MOST_LINES)
    for number, line in enumerate(lines[:MOST_LINES]):
        pointer = f"/lines/{number}"
        wrong = [*_out_of_range(line, pointer)]
        yield from wrong
        yield from _wrong_product(catalogue, line.sku, f"{pointer}/sku")
        if not wrong and line.price is None and catalogue.sold(line.sku):
            yield from _wrong_price(catalogue, line, f"{pointer}/sku")


def _out_of_range(line: Line, pointer: str) -> Wrong:
    yield from whole(line.quantity, f"{pointer}/quantity", 1, MOST_OF_ONE)
    yield from whole(line.discount, f"{pointer}/discount", 0, WHOLE)
    if line.price is not None:
        yield from whole(line.price, f"{pointer}/price", 0, LARGEST)


def _wrong_product(catalogue: Catalogue, sku: str, pointer: str) -> Wrong:
    product = catalogue.known(sku)
    if product is None:
        yield FieldError(pointer, "unknown_sku", f"There is no product {sku!r}.")
    elif catalogue.sold(sku) is None:
        yield FieldError(pointer, "product_retired", f"{sku!r} is not sold any more.")
    else:
        for part in not_sold(catalogue, product):
            detail = f"{sku!r} has {part!r} in it, which is not sold any more."
            yield FieldError(pointer, "product_retired", detail)


def not_sold(catalogue: Catalogue, product: Definition) -> list[str]:
    """Parts of a bundle, and of those in it, that are not sold."""
    parts = quantities(catalogue, product.sku)
    return [part for part in parts if catalogue.sold(part) is None]


def quantities(catalogue: Catalogue, sku: str, deep: int = DEEPEST) -> dict[str, int]:
    """How many there are of every product in one of a product: itself, and what is in it."""
    found = {sku: 1}
    product = catalogue.known(sku)
    if product is None or deep == 0:
        return found
    for part, number in product.contents.items():
        for inner, many in quantities(catalogue, part, deep - 1).items():
            found[inner] = found.get(inner, 0) + number * many
    return found


def _wrong_price(catalogue: Catalogue, line: Line, pointer: str) -> Wrong:
    if catalogue.price_list.price(line.sku, line.quantity) is None:
        detail = f"{catalogue.price_list.name!r} has no price for {line.sku!r}."
        yield FieldError(pointer, "price_missing", detail)


def _too_large(lines: Sequence[PricedLine]) -> Wrong:
    """Lines that come to more than a number of 64 bits holds with ease, discounted or not."""
    for number, line in enumerate(lines):
        each = max(line.unit_price, line.list_price or 0)
        if max(line.quantity * each, line.parts or 0) > LARGEST:
            detail = f"At most {LARGEST} minor units a line, before its discount."
            yield FieldError(f"/lines/{number}/quantity", "out_of_range", detail)
    if sum(line.amount for line in lines) > LARGEST:
        detail = f"The lines come to more than {LARGEST} minor units."
        yield FieldError("/lines", "out_of_range", detail)
