"""The HTTP API of plans."""
