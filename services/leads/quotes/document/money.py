"""Amounts as people read them: minor units of a currency of ISO 4217, in the manner of a language.

How many digits the minor unit has is from ISO 4217, list one: 2 but for those here.
"""

from typing import NamedTuple

from services.leads.quotes.events import Language

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"

DIGITS = {
    code: digits
    for digits, codes in ((0, _NONE), (3, _THREE), (4, _FOUR))
    for code in codes.split()
}
"""Digits of the minor unit, where they are not 2."""


class _Marks(NamedTuple):
    group: str
    point: str


_MARKS: dict[Language, _Marks] = {
    "en": _Marks(",", "."),
    "de": _Marks(".", ","),
    "fr": _Marks("\u202f", ","),
    "nl": _Marks(".", ","),
}


def amount(minor: int, currency: str, language: Language) -> str:
    """12345678 minor units of EUR are 123,456.78 in English, 123.456,78 in German."""
    digits = DIGITS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    marks = _MARKS[language]
    sign = "-" if minor < 0 else ""
    part = f"{marks.point}{rest:0{digits}}" if digits else ""
    return f"{sign}{number(whole, language)}{part}"


def number(whole: int, language: Language) -> str:
    """A whole number in groups of three."""
    return f"{whole:,}".replace(",", _MARKS[language].group)


def percent(hundredths: int, language: Language) -> str:
    """1050 hundredths of a percent are 10.5 %."""
    whole, rest = divmod(hundredths, 100)
    part = f"{rest:02}".rstrip("0")
    return f"{whole}{_MARKS[language].point + part if part else ''}\u00a0%"
