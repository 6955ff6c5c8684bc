"""Products: what they are, how they change, how they end and begin again."""

from collections.abc import Sequence
from functools import lru_cache
from typing import assert_never

from services.leads.bounds import SHORT
from services.leads.catalogue.commands import (
    ChangeProduct,
    DefineProduct,
    ProductCommand,
    RestoreProduct,
    RetireProduct,
)
from services.leads.catalogue.decider.checks import wrong_product
from services.leads.catalogue.events import (
    Definition,
    ProductChanged,
    ProductDefined,
    ProductEvent,
    ProductRestored,
    ProductRetired,
)
from services.leads.catalogue.states import Product, Retired, Sold, Undefined
from services.leads.decider.checks import conflict, refusal, refuse, text
from shared.errors import Conflict, NotFound
from shared.ids import event_id


@lru_cache(maxsize=10_000)
def stream_of(sku: str) -> str:
    """The stream of the product of that sku."""
    return event_id("product", sku)


def decide(state: Product, command: ProductCommand) -> Sequence[ProductEvent]:
    match command:
        case DefineProduct():
            return define(state, command)
        case ChangeProduct():
            return change(state, command)
        case RetireProduct():
            return retire(state, command)
        case RestoreProduct():
            return restore(state, command)
        case _:
            assert_never(command)


def define(state: Product, command: DefineProduct) -> Sequence[ProductEvent]:
    refuse(wrong_product(command.product, command.related))
    match state:
        case Undefined():
            return [ProductDefined(command.product, at=command.at)]
        case Sold(product):
            if product == command.product:
                return []
            raise conflict("/sku", "product_defined", f"There is {product.sku!r}; change it.")
        case Retired(product):
            raise is_retired(product)
        case _:
            assert_never(state)


def change(state: Product, command: ChangeProduct) -> Sequence[ProductEvent]:
    was = sold(state)
    if command.product.sku != was.sku:
        raise refusal("/sku", "sku_changes", f"This is {was.sku!r} and stays so.")
    refuse(wrong_product(command.product, command.related))
    return [] if was == command.product else [ProductChanged(command.product, at=command.at)]


def retire(state: Product, command: RetireProduct) -> Sequence[ProductEvent]:
    refuse(text(command.reason or None, "/reason", SHORT))
    product = known(state)
    if isinstance(state, Retired):
        return []
    return [ProductRetired(product.sku, command.reason, at=command.at)]


def restore(state: Product, command: RestoreProduct) -> Sequence[ProductEvent]:
    refuse(text(command.reason or None, "/reason", SHORT))
    product = known(state)
    if isinstance(state, Sold):
        return []
    return [ProductRestored(product.sku, command.reason, at=command.at)]


def evolve(state: Product, event: ProductEvent) -> Product:
    match event:
        case ProductDefined(product=product) | ProductChanged(product=product):
            return Sold(product)
        case ProductRetired():
            return Retired(known(state))
        case ProductRestored():
            return Sold(known(state))
        case _:
            assert_never(event)


def known(state: Product) -> Definition:
    """The product, sold or not any more. Raises NotFound."""
    match state:
        case Undefined():
            raise NotFound("There is no such product.", code="unknown_sku")
        case Sold(product) | Retired(product):
            return product
        case _:
            assert_never(state)


def sold(state: Product) -> Definition:
    """The product, which is sold. Raises NotFound, and Conflict where it is retired."""
    product = known(state)
    if isinstance(state, Retired):
        raise is_retired(product)
    return product


def is_retired(product: Definition) -> Conflict:
    detail = f"{product.sku!r} is retired; restore it to change or to sell it."
    return conflict("/sku", "product_retired", detail)
