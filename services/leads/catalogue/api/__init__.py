"""The catalogue over HTTP: products, price lists, prices."""

from services.leads.catalogue.api import importing, price_lists, prices, products

ROUTERS = (products.router, importing.router, price_lists.router, prices.router)
