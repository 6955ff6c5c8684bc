"""The document of a quote: the same bytes for ever, with nothing in it that runs or is fetched."""

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typing_extensions import override

from services.leads.currencies import CURRENCIES
from services.leads.quotes.document import POLICY, TEMPLATE, digest, render
from services.leads.quotes.document.money import DIGITS, amount, number, percent
from tests.leads.quoting import NUMBER, offer

OFFER = offer(terms="Pay <b>now</b>\nor & later", address=('Jane "J" Doe', "1 High St."))


class _Elements(HTMLParser):
    """What an HTML parser makes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    @override
    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(**changes: object) -> str:
    return render(NUMBER, replace(OFFER, **changes), TEMPLATE).decode()


def test_the_first_template_gives_these_bytes_for_ever() -> None:
    assert digest(render(NUMBER, OFFER, 1)) == (
        "12d93ec0669248a5d8f6600c1d158dc8c855665233e6ec2bac2b7fa4a80feeea"
    )


@given(st.text(max_size=50), st.text(max_size=50), st.lists(st.text(max_size=20), max_size=3))
def test_what_people_wrote_stands_there_as_text(name: str, terms: str, address: list[str]) -> None:
    line = replace(OFFER.priced.lines[0], name=name, sku=name, unit=name)
    priced = replace(OFFER.priced, lines=(line,))
    changed = replace(OFFER, priced=priced, terms=terms, address=tuple(address))
    written = render(NUMBER, changed, TEMPLATE)
    assert written == render(NUMBER, changed, TEMPLATE)
    plain = _Elements(page())
    found = _Elements(written.decode())
    assert found.tags <= plain.tags
    assert found.attributes <= {*plain.attributes, "class", "colspan", "lang", "charset"}


def test_it_fetches_nothing_and_runs_nothing() -> None:
    found = _Elements(page())
    assert found.tags.isdisjoint({"script", "link", "img", "iframe", "object", "a", "form"})
    assert found.attributes == {"lang", "charset", "class", "colspan"}
    assert "http" not in page()
    assert "url(" not in page()
    assert "@import" not in page()


def test_its_policy_lets_its_own_style_through_alone() -> None:
    style = re.search(r"<style>(.*?)</style>", page(), re.DOTALL)
    assert style is not None
    sha = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{sha}'" in POLICY
    assert POLICY.startswith("default-src 'none'")
    assert "@media print" in style[1]
    assert "size: A4" in style[1]


def test_it_says_what_is_offered() -> None:
    words = " ".join(_Elements(page()).words)
    for said in (NUMBER, "Pay <b>now</b>", 'Jane "J" Doe', "2026-01-10", "90.00", "EUR 99.00"):
        assert said in words
    assert "10\u00a0%" in words


@pytest.mark.parametrize(
    ("language", "said"), [("de", "Angebot"), ("fr", "Devis"), ("nl", "Offerte")]
)
def test_it_is_written_in_the_language_of_the_customer(language: str, said: str) -> None:
    assert f'lang="{language}"' in page(language=language)
    assert f"<h1>{said} {NUMBER}</h1>" in page(language=language)
    assert "99,00" in page(language=language)


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (12345678, "EUR", "123,456.78"),
        (5, "EUR", "0.05"),
        (0, "GBP", "0.00"),
        (-150, "EUR", "-1.50"),
        (1234, "JPY", "1,234"),
        (1234567, "KWD", "1,234.567"),
        (12345, "CLF", "1.2345"),
    ],
)
def test_amounts_are_written_by_the_minor_unit_of_their_currency(
    minor: int, currency: str, said: str
) -> None:
    assert amount(minor, currency, "en") == said


def test_amounts_are_written_in_the_manner_of_the_language() -> None:
    assert amount(12345678, "EUR", "de") == "123.456,78"
    assert amount(12345678, "EUR", "fr") == "123\u202f456,78"
    assert number(1234567, "nl") == "1.234.567"
    assert percent(1050, "de") == "10,5\u00a0%"
    assert percent(1, "en") == "0.01\u00a0%"


def test_minor_units_are_of_currencies_that_there_are() -> None:
    assert DIGITS.keys() <= CURRENCIES


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_can_be_read_back(minor: int, currency: str) -> None:
    said = amount(minor, currency, "en").replace(",", "")
    assert int(said.replace(".", "")) == minor
