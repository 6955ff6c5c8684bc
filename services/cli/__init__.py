"""The operators' command `rapport`.

Exit codes: 0 fine; 1 something is wrong, and the answer says what; 2 it could not be told, or the
command was not understood.
"""

from services.cli.command import main

__all__ = ["main"]
