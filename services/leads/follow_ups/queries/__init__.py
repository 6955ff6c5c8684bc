"""Reads of what there is to do."""
