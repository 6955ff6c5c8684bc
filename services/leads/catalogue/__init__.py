"""The catalogue: products, bundles of them, price lists, what is on hand, and what it all costs."""
