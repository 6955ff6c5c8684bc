"""What is going on, on standard error."""

import sys


def say(line: str) -> None:
    """One line."""
    print(f"bench: {line}", file=sys.stderr, flush=True)
