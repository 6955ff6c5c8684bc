"""A version of a quote as a document: HTML made to print, the same bytes whenever it is made."""

from services.leads.quotes.document.page import POLICY, TEMPLATE, digest, render

__all__ = ["POLICY", "TEMPLATE", "digest", "render"]
