"""Bounds of opportunities and quotes."""

MOST_PEOPLE = 50
"""People of an opportunity."""

MOST_VERSIONS = 20
"""Versions of one quote."""

MOST_ADDRESS = 10
"""Lines of an address."""

LONGEST_TERMS = 10_000
"""Characters of the terms of a quote."""

MOST_DAYS = 3_660
"""Days for which a quote is valid."""

MOST_IDENTIFIERS = 20
"""Identifiers of who ordered."""
