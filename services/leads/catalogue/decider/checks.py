"""What a product must be: every check yields what is wrong, so that all of it is said at once."""

from collections.abc import Iterable, Mapping, Sequence

from services.leads.bounds import SHORT
from services.leads.catalogue.bounds import (
    DEEPEST,
    MOST_OF_ONE,
    MOST_PARTS,
    MOST_RELATED,
    MOST_SETS,
    SKU,
)
from services.leads.catalogue.events import Definition
from services.leads.catalogue.states import Product, Retired, Sold
from services.leads.decider.checks import Wrong, escaped, text, whole
from shared.errors import FieldError

LONGEST = 10_000
"""Characters of a description."""


def wrong_product(product: Definition, related: Mapping[str, Product]) -> Wrong:
    """All that is wrong with a product, given those that it names and what is in them."""
    yield from wrong_sku(product.sku, "/sku")
    yield from text(product.name, "/name", SHORT)
    yield from text(product.category, "/category", SHORT)
    yield from text(product.unit, "/unit", 64)
    yield from text(product.description or None, "/description", LONGEST)
    yield from _wrong_contents(product, related)
    for field in ("better", "goes_with", "excludes"):
        named: Sequence[str] = getattr(product, field)
        yield from whole(len(named), f"/{field}", 0, MOST_RELATED)
        yield from _wrong_names(named, product.sku, related, f"/{field}")
    yield from _wrong_sets(product, related)


def wrong_sku(sku: str, pointer: str) -> Wrong:
    """What stands in paths: a letter or digit first, then anything that needs no escape there."""
    if not SKU.fullmatch(sku) or not sku.isprintable():
        detail = "A sku is a letter or digit, then up to 99 of what is no blank and none of /?#%\\."
        yield FieldError(pointer, "sku", detail)


def _wrong_contents(product: Definition, related: Mapping[str, Product]) -> Wrong:
    yield from whole(len(product.contents), "/contents", 0, MOST_PARTS)
    for part, quantity in product.contents.items():
        pointer = f"/contents/{escaped(part)}"
        yield from whole(quantity, pointer, 1, MOST_OF_ONE)
        if part == product.sku:
            yield FieldError(pointer, "bundle_of_itself", f"{part!r} cannot be in itself.")
        elif isinstance(related.get(part), Retired):
            yield FieldError(pointer, "product_retired", f"{part!r} is not sold any more.")
        else:
            yield from _wrong_name(part, related, pointer)
            yield from _wrong_depth(product.sku, part, related, pointer)


def _wrong_depth(sku: str, part: str, related: Mapping[str, Product], pointer: str) -> Wrong:
    """A bundle that is in itself by way of a part, or that has too many in one another."""
    level, deep = {part}, 1
    while level and deep <= DEEPEST:
        level = {inner for each in level for inner in _contents(each, related)}
        if sku in level:
            yield FieldError(pointer, "bundle_cycle", f"{part!r} has {sku!r} in it.")
            return
        deep += 1
    if level:
        detail = f"At most {DEEPEST} bundles, one in another."
        yield FieldError(pointer, "bundle_too_deep", detail)


def _contents(sku: str, related: Mapping[str, Product]) -> Iterable[str]:
    found = related.get(sku)
    return found.product.contents if isinstance(found, Sold | Retired) else ()


def _wrong_sets(product: Definition, related: Mapping[str, Product]) -> Wrong:
    yield from whole(len(product.requires), "/requires", 0, MOST_SETS)
    for number, each in enumerate(product.requires):
        pointer = f"/requires/{number}"
        if not each:
            yield FieldError(pointer, "no_products", "A set has at least one product.")
        yield from whole(len(each), pointer, 0, MOST_PARTS)
        yield from _wrong_names(each, product.sku, related, pointer)
        both = sorted({*each} & {*product.excludes})
        if both:
            detail = f"{', '.join(both)} cannot be required and excluded."
            yield FieldError(pointer, "required_and_excluded", detail)


def _wrong_names(
    named: Sequence[str], own: str, related: Mapping[str, Product], pointer: str
) -> Wrong:
    """Products that are named twice, that are not there, or that are the product itself."""
    for number, each in enumerate(named):
        at = f"{pointer}/{number}"
        if each == own:
            yield FieldError(at, "itself", f"{each!r} is the product itself.")
        elif each in named[:number]:
            yield FieldError(at, "duplicate", f"{each!r} is there twice.")
        else:
            yield from _wrong_name(each, related, at)


def _wrong_name(sku: str, related: Mapping[str, Product], pointer: str) -> Wrong:
    if not isinstance(related.get(sku), Sold | Retired):
        yield FieldError(pointer, "unknown_sku", f"There is no product {sku!r}.")
