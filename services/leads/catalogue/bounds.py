"""Bounds of the catalogue."""

import re

MOST_LINES = 200
"""Lines that are priced together."""

MOST_OF_ONE = 1_000_000
"""Of one product, in a line or in a bundle."""

MOST_PRICES, MOST_BREAKS = 5_000, 20
"""Products that a price list has, and breaks of one price."""

MOST_PARTS, MOST_RELATED, MOST_SETS = 20, 50, 20
"""Products in a bundle or in a set, products named by another, sets of which one is required."""

DEEPEST, MOST_BASES = 3, 5
"""Bundles one in another; lists that a list stands on, one on another."""

MOST_PERCENT = 10_000
"""Hundredths of a percent by which a list is dearer than its base."""

WHOLE = 10_000
"""Hundredths of a percent in the whole."""

SKU = re.compile(r"[^\W_][^\s/?#%\\]{0,99}")
"""What a product is called by: it stands in paths."""
