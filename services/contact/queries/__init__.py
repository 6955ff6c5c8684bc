"""Selects on contact's view."""
