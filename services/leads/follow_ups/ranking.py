"""In which order somebody does what there is to do. Pure.

A step comes by the expected value of its lead: amount times the probability of its stage. Amounts
of two currencies are never compared: in each currency steps have ranks, and all first ones come
before all second ones. Of equal rank, the currency in which more steps are to be done comes first,
then by its code. Leads without an amount come after all others. Of equal value, those come first
whose lead scores more, then those due earlier.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from services.leads.follow_ups.queries.day import Item


def ranked(items: Sequence[Item], scores: Mapping[str, int]) -> list[Item]:
    """The items in that order; `scores` in units, by lead."""
    by_currency = defaultdict[str, list[Item]](list)
    for each in items:
        by_currency[each.currency or ""].append(each)
    placed: list[tuple[bool, int, int, str, Item]] = []
    for currency, alike in by_currency.items():
        alike.sort(key=lambda each: _worth(each, scores))
        placed += [
            (not currency, place, -each.alike, currency, each) for place, each in enumerate(alike)
        ]
    return [each for *_, each in sorted(placed, key=lambda each: each[:4])]


def _worth(item: Item, scores: Mapping[str, int]) -> tuple[int, int, str, str, int]:
    value, score = item.hundredths or 0, scores.get(item.lead, 0)
    return -value, -score, item.due, item.lead, item.step
