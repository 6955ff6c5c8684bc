"""What a configuration of products costs, which rules it breaks, and what is better: pure."""

from services.leads.catalogue.pricing.amounts import Priced, PricedLine, price
from services.leads.catalogue.pricing.lines import Catalogue, Line
from services.leads.catalogue.pricing.offering import Offer, offers
from services.leads.catalogue.pricing.rules import Finding, configuration
from services.leads.catalogue.pricing.supply import needed

__all__ = [
    "Catalogue",
    "Finding",
    "Line",
    "Offer",
    "Priced",
    "PricedLine",
    "configuration",
    "needed",
    "offers",
    "price",
]
