"""What is offered while quoting: bundles that cost less, the better product, what goes with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from services.leads.bounds import LARGEST
from services.leads.catalogue.pricing.amounts import discounted, list_price, not_sold, quantities
from services.leads.catalogue.pricing.lines import Catalogue, Line

MOST_OFFERS = 50
"""Offers for a configuration, the most saving first."""

Kind = Literal["bundle", "upgrade", "goes_with"]
_KINDS: tuple[Kind, ...] = ("bundle", "upgrade", "goes_with")


class Offer(Struct, frozen=True):
    """So many of a product, and by how much the total would change, in minor units.

    A `bundle` stands in the place of what it `covers` of the lines, by sku; an `upgrade` in the
    place of the product of its line; what `goes_with` it comes on top. `lines` are the numbers of
    the lines that it is about, from 0.
    """

    kind: Kind
    sku: str
    name: str
    quantity: int
    price: int
    difference: int
    lines: tuple[int, ...]
    covers: Mapping[str, int] = {}


def offers(catalogue: Catalogue, lines: Sequence[Line]) -> tuple[Offer, ...]:
    """What is offered for lines that were priced: bundles first, then upgrades, then what goes
    with them, each kind by difference; at most 50. Each is offered by itself: two may be about the
    same line.

    Only what is sold and has a price. A bundle is offered where it saves, counted exactly: lines
    that lose a quantity may lose a break with it. It has no discount and covers no line whose
    price was agreed by hand; an upgrade has the discount of its line.
    """
    found = [
        *_bundles(catalogue, lines),
        *_upgrades(catalogue, lines),
        *_additions(catalogue, lines),
    ]
    found.sort(key=lambda each: (_KINDS.index(each.kind), each.difference, each.sku, each.lines))
    return tuple(found[:MOST_OFFERS])


def _bundles(catalogue: Catalogue, lines: Sequence[Line]) -> Iterator[Offer]:
    by_list = {n: line for n, line in enumerate(lines) if line.price is None}
    there: dict[str, int] = {}
    for line in by_list.values():
        there[line.sku] = there.get(line.sku, 0) + line.quantity
    for sku in sorted(catalogue.products):
        product = catalogue.sold(sku)
        if product is None or not product.contents or not_sold(catalogue, product):
            continue
        many = min(there.get(part, 0) // number for part, number in product.contents.items())
        covers = {part: number * many for part, number in product.contents.items()}
        offer = _bundle(catalogue, by_list, sku, many, covers) if many else None
        if offer is not None and offer.difference < 0:
            yield offer


def _bundle(
    catalogue: Catalogue, lines: Mapping[int, Line], sku: str, many: int, covers: Mapping[str, int]
) -> Offer | None:
    """So many of a bundle in the place of what it covers, of the least discounted lines first."""
    product, price = catalogue.sold(sku), list_price(catalogue, sku, many)
    if product is None or price is None:
        return None
    left, difference, touched = dict(covers), price * many, list[int]()
    for number, line in sorted(lines.items(), key=_least_discounted):
        taken = min(left.get(line.sku, 0), line.quantity)
        if taken:
            left[line.sku] -= taken
            # what is left of the line may lose a break
            rest = replace(line, quantity=line.quantity - taken)
            difference += _amount(catalogue, rest) - _amount(catalogue, line)
            touched.append(number)
    numbers = tuple(sorted(touched))
    return Offer("bundle", sku, product.name, many, price, difference, numbers, covers)


def _least_discounted(numbered: tuple[int, Line]) -> tuple[int, int, int]:
    number, line = numbered
    return line.discount, -line.quantity, number


def _amount(catalogue: Catalogue, line: Line) -> int:
    """What a line comes to; nothing where it has no price, for there is nothing to save then."""
    if line.quantity == 0:
        return 0
    price = list_price(catalogue, line.sku, line.quantity) if line.price is None else line.price
    return discounted(line.quantity * (price or 0), line.discount)


def _upgrades(catalogue: Catalogue, lines: Sequence[Line]) -> Iterator[Offer]:
    for number, line in enumerate(lines):
        product = catalogue.sold(line.sku)
        for sku in product.better if product else ():
            offer = _more(catalogue, "upgrade", sku, line, number)
            if offer is not None:
                less = _amount(catalogue, line)
                yield replace(offer, difference=offer.difference - less)


def _additions(catalogue: Catalogue, lines: Sequence[Line]) -> Iterator[Offer]:
    """What goes with the lines and is not there, one for every one of what it goes with."""
    there = {part for line in lines for part in quantities(catalogue, line.sku)}
    found: dict[str, Offer] = {}
    for number, line in enumerate(lines):
        product = catalogue.sold(line.sku)
        for sku in product.goes_with if product else ():
            offer = _more(catalogue, "goes_with", sku, replace(line, discount=0), number)
            if offer is not None and sku not in there:
                before = found.get(sku)
                found[sku] = offer if before is None else _either(before, offer)
    yield from found.values()


def _more(catalogue: Catalogue, kind: Kind, sku: str, line: Line, number: int) -> Offer | None:
    """As many of another product as a line has, by the list and with its discount."""
    product, price = catalogue.sold(sku), list_price(catalogue, sku, line.quantity)
    if product is None or price is None or not_sold(catalogue, product):
        return None
    if line.quantity * price > LARGEST:
        return None
    amount = discounted(line.quantity * price, line.discount)
    return Offer(kind, sku, product.name, line.quantity, price, amount, (number,))


def _either(one: Offer, other: Offer) -> Offer:
    """One offer of two for the same product: the smaller quantity, for the lines of both."""
    least = min(one, other, key=lambda each: each.quantity)
    return replace(least, lines=(*one.lines, *other.lines))
