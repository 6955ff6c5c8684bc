"""The words of a document, in each language."""

from collections.abc import Mapping
from typing import NamedTuple

from services.leads.quotes.events import Language


class Words(NamedTuple):
    quote: str
    version: str
    date: str
    valid_until: str
    to: str
    article: str
    description: str
    quantity: str
    price: str
    discount: str
    amount: str
    total: str
    terms: str


WORDS: Mapping[Language, Words] = {
    "en": Words(
        *("Quote", "Version", "Date", "Valid until", "To", "Article", "Description"),
        *("Quantity", "Unit price", "Discount", "Amount", "Total", "Terms"),
    ),
    "de": Words(
        *("Angebot", "Fassung", "Datum", "Gültig bis", "An", "Artikel", "Bezeichnung"),
        *("Menge", "Einzelpreis", "Rabatt", "Betrag", "Summe", "Bedingungen"),
    ),
    "fr": Words(
        *("Devis", "Version", "Date", "Valable jusqu’au", "À", "Article", "Désignation"),
        *("Quantité", "Prix unitaire", "Remise", "Montant", "Total", "Conditions"),
    ),
    "nl": Words(
        *("Offerte", "Versie", "Datum", "Geldig tot en met", "Aan", "Artikel", "Omschrijving"),
        *("Aantal", "Stukprijs", "Korting", "Bedrag", "Totaal", "Voorwaarden"),
    ),
}
