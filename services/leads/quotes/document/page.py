"""The page: no script and nothing from elsewhere; all that people wrote stands there as text."""

import base64
from collections.abc import Iterator
from hashlib import sha256
from html import escape

from services.leads.catalogue.pricing import PricedLine
from services.leads.quotes.document.money import amount, number, percent
from services.leads.quotes.document.words import WORDS
from services.leads.quotes.events import Language, Version

TEMPLATE = 1
"""The present one. A change of the bytes is another template: what was sent is proven by its own,
which stays."""

_STYLE = """
@page { size: A4; margin: 20mm 18mm; }
* { box-sizing: border-box; }
body { font: 11pt/1.45 "Helvetica Neue", Arial, sans-serif; color: #1a1a1a; margin: 2rem auto;
  max-width: 174mm; padding: 0 1rem; }
header { display: flex; justify-content: space-between; gap: 2rem; margin-bottom: 12mm; }
h1 { font-size: 20pt; margin: 0; }
h2 { font-size: 11pt; margin: 8mm 0 1mm; }
address { font-style: normal; }
dl { display: grid; grid-template-columns: auto auto; gap: 0 1rem; margin: 0; }
dt { color: #666; }
dd { margin: 0; text-align: right; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 1.5mm 2mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead th { border-bottom: 1px solid #1a1a1a; font-weight: 600; }
tbody td { border-bottom: 1px solid #ddd; }
.n { text-align: right; white-space: nowrap; overflow-wrap: normal; }
tfoot td { font-weight: 700; padding-top: 3mm; }
.terms { white-space: pre-wrap; overflow-wrap: anywhere; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10pt; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  tr { break-inside: avoid; }
}
"""

_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What the page may do (Content-Security-Policy): nothing but look like that."""


def render(number_: str, offer: Version, template: int) -> bytes:
    """The document of a version of the quote of that number, as UTF-8; made with a template.

    Raises KeyError for a template that there never was.
    """
    return _TEMPLATES[template](number_, offer).encode()


def digest(document: bytes) -> str:
    """Its SHA-256, in hexadecimal."""
    return sha256(document).hexdigest()


def _first(number_: str, offer: Version) -> str:
    words, language = WORDS[offer.language], offer.language
    title = f"{words.quote} {escape(number_)}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{language}">',
            '<head><meta charset="utf-8">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style></head>",
            "<body>",
            f"<header><div><h1>{title}</h1>{_address(offer)}</div>{_facts(offer)}</header>",
            *_table(offer),
            *_terms(offer),
            "</body></html>",
            "",
        ]
    )


_TEMPLATES = {1: _first}


def _address(offer: Version) -> str:
    if not offer.address:
        return ""
    lines = "<br>".join(escape(line) for line in offer.address)
    return f"<h2>{WORDS[offer.language].to}</h2><address>{lines}</address>"


def _facts(offer: Version) -> str:
    words = WORDS[offer.language]
    facts = (
        (words.version, str(offer.version)),
        (words.date, offer.priced.day),
        (words.valid_until, offer.valid_until),
    )
    found = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<dl>{found}</dl>"


def _table(offer: Version) -> Iterator[str]:
    words, priced = WORDS[offer.language], offer.priced
    named = (words.quantity, words.price, words.discount, words.amount)
    heads = "".join(f'<th class="n">{name}</th>' for name in named)
    yield f"<table><thead><tr><th>{words.article}</th><th>{words.description}</th>{heads}"
    yield "</tr></thead><tbody>"
    for line in priced.lines:
        yield _row(line, priced.currency, offer.language)
    total = amount(priced.total, priced.currency, offer.language)
    yield f'</tbody><tfoot><tr><td colspan="5">{words.total}</td>'
    yield f'<td class="n">{escape(priced.currency)} {total}</td></tr></tfoot></table>'


def _row(line: PricedLine, currency: str, language: Language) -> str:
    cells = (
        f"{number(line.quantity, language)} {escape(line.unit)}",
        amount(line.unit_price, currency, language),
        percent(line.discount, language) if line.discount else "",
        amount(line.amount, currency, language),
    )
    numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    return f"<tr><td>{escape(line.sku)}</td><td>{escape(line.name)}</td>{numbers}</tr>"


def _terms(offer: Version) -> Iterator[str]:
    if offer.terms:
        yield f"<h2>{WORDS[offer.language].terms}</h2>"
        yield f'<div class="terms">{escape(offer.terms)}</div>'
