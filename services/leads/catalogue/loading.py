"""What prices and decisions rest on, read from the streams as they stand at this moment."""

from collections.abc import Iterable

from services.leads.catalogue import queries
from services.leads.catalogue.bounds import DEEPEST, MOST_BASES
from services.leads.catalogue.decider import PRICE_LIST, PRODUCT, price_list, product
from services.leads.catalogue.listing import resolved
from services.leads.catalogue.pricing import Catalogue
from services.leads.catalogue.states import Listed, Listing, PriceList, Product, Retired, Sold
from shared.database import Connection
from shared.deciding.command_handler import CommandHandler

MOST_THOUGHT_OF = 500
"""Products that are better than those asked for, or go with them: so many are looked at."""


async def products(handler: CommandHandler, skus: Iterable[str]) -> dict[str, Product]:
    """Products by sku, with those in the bundles among them; none for what there is not."""
    found: dict[str, Product] = {}
    wanted = {*skus}
    for _ in range(DEEPEST + 1):
        streams = {product.stream_of(sku): sku for sku in wanted}
        kept = await handler.load_all(PRODUCT, streams) if streams else {}
        level: dict[str, Product] = {streams[stream]: each.state for stream, each in kept.items()}
        found |= level
        wanted = {part for each in level.values() for part in _contents(each)} - found.keys()
    return {sku: each for sku, each in found.items() if isinstance(each, Sold | Retired)}


def _contents(state: Product) -> Iterable[str]:
    return state.product.contents if isinstance(state, Sold | Retired) else ()


async def listings(handler: CommandHandler, name: str) -> dict[str, Listing]:
    """A price list and those that it stands on, as they were written, by name."""
    found: dict[str, Listing] = {}
    wanted: str | None = name
    while wanted is not None and wanted not in found and len(found) <= MOST_BASES:
        state: Listing = (await handler.load(PRICE_LIST, price_list.stream_of(wanted))).state
        found[wanted] = state
        wanted = state.terms.base if isinstance(state, Listed) else None
    return found


async def whole(handler: CommandHandler, name: str) -> PriceList:
    """A price list with what it has from those that it stands on. Raises NotFound, Conflict."""
    return resolved(name, await listings(handler, name))


async def catalogue(handler: CommandHandler, name: str, skus: Iterable[str]) -> Catalogue:
    """What is needed to price these products by the list of that name, and to check rules.

    Raises NotFound, Conflict where the list is not to be had.
    """
    return Catalogue(await products(handler, skus), await whole(handler, name))


async def offering(
    handler: CommandHandler, connection: Connection, schema: str, name: str, skus: Iterable[str]
) -> Catalogue:
    """The same with what may be offered: bundles that have any of them, what is better, what goes
    with them. Which bundles there are is read from the view. Raises as `catalogue`."""
    there = await products(handler, skus)
    asked = [each.product for each in there.values() if isinstance(each, Sold)]
    related = sorted({sku for each in asked for sku in (*each.better, *each.goes_with)})
    bundles = await queries.bundles(connection, schema, [*there])
    more = await products(handler, {*related[:MOST_THOUGHT_OF], *bundles} - there.keys())
    return Catalogue({**there, **more}, await whole(handler, name))
