"""Whether what stands in lines may stand together: what products require and exclude."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from services.leads.catalogue.pricing.amounts import quantities
from services.leads.catalogue.pricing.lines import Catalogue, Line


class Finding(Struct, frozen=True):
    """A rule that lines break: of `sku`, which is the line's at `pointer` or a part of it.

    `code` is `requires`, and `sets` are those of which none is there whole; or it is `excludes`,
    and `sets` has one: the products that are there and must not be.
    """

    pointer: str
    code: str
    sku: str
    sets: tuple[tuple[str, ...], ...]
    detail: str


def configuration(catalogue: Catalogue, lines: Sequence[Line]) -> tuple[Finding, ...]:
    """The rules that lines break, by line; none where all is well.

    What a bundle has in it is there too. Products that the catalogue does not know have no rules.
    """
    inside = [sorted(quantities(catalogue, line.sku)) for line in lines]
    there = frozenset(sku for each in inside for sku in each)
    return tuple(
        finding
        for number, each in enumerate(inside)
        for sku in each
        for finding in _broken(catalogue, sku, there, f"/lines/{number}/sku")
    )


def _broken(
    catalogue: Catalogue, sku: str, there: frozenset[str], pointer: str
) -> Iterator[Finding]:
    product = catalogue.known(sku)
    if product is None:
        return
    if product.requires and not any(there.issuperset(each) for each in product.requires):
        wanted = " or ".join(" with ".join(each) for each in product.requires)
        detail = f"{sku!r} requires {wanted}."
        yield Finding(pointer, "requires", sku, product.requires, detail)
    found = tuple(each for each in product.excludes if each in there)
    if found:
        detail = f"{sku!r} does not go together with {', '.join(found)}."
        yield Finding(pointer, "excludes", sku, (found,), detail)
