"""Sums of money as boards and measures show them: by currency, in minor units."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Sum(NamedTuple):
    """Leads with an amount in a currency, the sum, and the sum of amount times percent."""

    currency: str
    leads: int
    amount: int
    hundredths: int


def summed(sums: Iterable[Sum]) -> list[dict[str, Any]]:
    """The sums by currency. `weighted` is the sum of amount times probability, rounded once."""
    found: dict[str, Sum] = {}
    for each in sums:
        there = found.get(each.currency, Sum(each.currency, 0, 0, 0))
        found[each.currency] = Sum(
            each.currency,
            there.leads + each.leads,
            there.amount + each.amount,
            there.hundredths + each.hundredths,
        )
    return [
        {
            "currency": each.currency,
            "leads": each.leads,
            "amount": each.amount,
            "weighted": weighted(each.hundredths),
        }
        for _, each in sorted(found.items())
    ]


def weighted(hundredths: int) -> int:
    """Minor units, of which so many hundredths there are, rounded half up."""
    return (hundredths + 50) // 100
