"""The catalogue: products, bundles of them, price lists, what is on hand, and what it all costs.

Owns the streams product and price-list; folds `stock.counted` and `order.placed`.
"""

from services.leads.catalogue.api import ROUTERS
from services.leads.catalogue.decider import PRICE_LIST, PRODUCT, price_list, product
from services.leads.catalogue.projections import PROJECT, TABLES
from services.leads.made_by import forgotten, stamped, stream, version
from services.leads.part import Part

PART = Part(
    routers=ROUTERS,
    paths=("/v1/products", "/v1/price-lists", "/v1/prices"),
    deciders=(PRODUCT, PRICE_LIST),
    tables=TABLES,
    project=PROJECT,
    made_by={
        "products": stream("sku", product.stream_of),
        "contents": version("bundle", product.stream_of),
        "price_lists": version("name", price_list.stream_of),
        "stock": stamped("stamp"),
        "together": forgotten,
    },
)
