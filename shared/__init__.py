"""Mechanism that every service rests on; no business word stands here."""
