"""Bounds of what is known of a lead."""

import re

LARGEST = 10**15
"""Minor units of an amount."""

MOST_FIELDS = 100
"""Fields of one's own that a lead may have."""

SHORT, LONG = 200, 65_536
"""Characters of a name or title, and of a text."""

FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""The name of a field of one's own."""
