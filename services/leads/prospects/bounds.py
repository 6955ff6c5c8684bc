"""Bounds of prospects and of the lists that they stand on."""

MOST_ITEMS = 1_000
"""Prospects that one request brings, takes off a list or promotes."""

MOST_LISTS = 100
"""Lists that a prospect may stand on."""

MOST_FILLED = 10_000
"""Customers that a filter over the profile brings to a list."""

MOST_RANKED = 1_000
"""Prospects whose scores are worked out to rank them."""

MOST_RULES, MOST_DAYS = 100, 3_650
"""Rules by which lost leads return, and days after which."""
