"""Selects on the views of leads."""
