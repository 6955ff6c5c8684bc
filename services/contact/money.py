"""Decimal amounts to minor units, by the exponents of ISO 4217. Pure."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

LARGEST = 10**15
"""Minor units of an amount."""

_EXACT, _NEAR = 1e6, 1e-5
"""Below the one, the product of a float and a power of ten is right to less than the other."""

_DECIMAL = re.compile(r"\s*[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\s*")
_NONE = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
        *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_FOUR = frozenset(("CLF", "UYW"))
EXPONENTS = dict.fromkeys(_NONE, 0) | dict.fromkeys(_THREE, 3) | dict.fromkeys(_FOUR, 4)
"""Digits of the minor unit of a currency; 2 of any other."""


def minor_units(amount: Any, currency: str) -> int:
    """A decimal amount, a number or text, in minor units, rounded half up. Raises ValueError."""
    digits = EXPONENTS.get(currency, 2)
    if type(amount) is float and -_EXACT < amount < _EXACT:
        units: float = amount * 10**digits
        nearest = round(units)
        if -_NEAR < units - nearest < _NEAR:
            return nearest  # it has no more digits than the currency: most have not
    if type(amount) is str and _DECIMAL.fullmatch(amount):
        value = Decimal(amount.strip())
    elif type(amount) in (int, float) and abs(amount) < LARGEST:
        value = Decimal(repr(amount))  # of a float the shortest text that means it
    else:
        raise ValueError(f"{amount!r} is not an amount")
    rounded = value.scaleb(digits).to_integral_value(ROUND_HALF_UP)
    if abs(rounded) > LARGEST:
        raise ValueError(f"{amount!r} is too large")
    return int(rounded)
