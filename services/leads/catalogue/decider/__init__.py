"""What the catalogue decides: products and price lists."""

from services.leads.catalogue import events, states
from services.leads.catalogue.commands import PriceListCommand, ProductCommand
from services.leads.catalogue.decider import price_list, product
from services.leads.catalogue.events import PriceListEvent, ProductEvent
from shared.decider import Decider

PRODUCT: Decider[states.Product, ProductCommand, ProductEvent] = Decider(
    category="product",
    initial=states.Undefined(),
    decide=product.decide,
    evolve=product.evolve,
    events=events.PRODUCT_EVENTS,
    states=states.Product,
)

PRICE_LIST: Decider[states.Listing, PriceListCommand, PriceListEvent] = Decider(
    category="price-list",
    initial=states.Unpriced(),
    decide=price_list.decide,
    evolve=price_list.evolve,
    events=events.PRICE_LIST_EVENTS,
    states=states.Listing,
)
