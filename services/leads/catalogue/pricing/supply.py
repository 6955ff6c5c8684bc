"""What lines take from stock."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from services.leads.catalogue.bounds import DEEPEST
from services.leads.catalogue.pricing.lines import Catalogue, Line


def needed(
    catalogue: Catalogue, lines: Sequence[Line], counted: Collection[str]
) -> Mapping[str, int]:
    """How many of each product lines need, by sku.

    A bundle that is `counted` as such is needed itself, another one is what is in it.
    """
    found: Counter[str] = Counter()
    for line in lines:
        for sku, many in _taken(catalogue, line.sku, counted, DEEPEST):
            found[sku] += many * line.quantity
    return found


def _taken(
    catalogue: Catalogue, sku: str, counted: Collection[str], deep: int
) -> Iterator[tuple[str, int]]:
    product = catalogue.known(sku)
    if product is None or not product.contents or sku in counted or deep == 0:
        yield sku, 1
        return
    for part, number in product.contents.items():
        for inner, many in _taken(catalogue, part, counted, deep - 1):
            yield inner, many * number
