"""How a forecast moved between two moments: why each lead is in it, or is not any more."""

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from services.leads.forecasting.queries import Both, Levels, Stood

Kind = Literal[
    "came_in",
    "reopened",
    "slipped_in",
    "pulled_in",
    "raised",
    "lowered",
    "class_changed",
    "slipped_out",
    "pulled_out",
    "undated",
    "won",
    "lost",
    "dropped",
    "won_unforecast",
]


class Days(NamedTuple):
    """The days that are forecast: from one to before another."""

    since: date
    until: date

    def has(self, day: date | None) -> bool:
        return day is not None and self.since <= day < self.until


class Move(NamedTuple):
    """What a lead changed: by so much of the forecast in a currency, and what it was won for.

    `left` and `entered` are its classes before and after, None where it is not in the forecast.
    """

    lead: str
    kind: Kind
    currency: str
    difference: int
    won: int
    left: str | None
    entered: str | None
    before: Stood | None
    after: Stood | None


def moves(found: Iterable[Both], days: Days, levels: Levels) -> list[Move]:
    """What moved, by lead. In each currency what was forecast, and all differences, are the
    forecast of the later moment: one that changed its currency went out of the one and came into
    the other."""
    return [move for each in found for move in _moves(each, days, levels)]


def _moves(each: Both, days: Days, levels: Levels) -> list[Move]:
    was = _forecast(each.before, days, levels)
    is_ = _forecast(each.after, days, levels)
    if was is None and is_ is None:
        return _unforecast(each, days)
    if was is not None and is_ is not None and was.currency == is_.currency:
        return _changed(each, was, is_, levels)
    found = []
    if was is not None:
        kind = _why_out(each, was, days) if is_ is None else "dropped"
        found.append(_move(each, kind, was, -_amount(was), levels, left=was))
        if kind == "won" and each.after is not None and each.after.currency != was.currency:
            found += _unforecast(each, days)  # in that currency it never was
    if is_ is not None:
        kind = _why_in(each, days) if was is None else "came_in"
        found.append(_move(each, kind, is_, _amount(is_), levels, entered=is_))
    return found


def _forecast(stood: Stood | None, days: Days, levels: Levels) -> Stood | None:
    """A lead where it is in the forecast: open, expected in these days for an amount."""
    if stood is None or not stood.counts or stood.state != "open" or stood.amount is None:
        return None
    is_in = days.has(stood.day) and levels.of(stood.probability) != "left_out"
    return stood if is_in else None


def _amount(stood: Stood) -> int:
    return stood.amount or 0


def _changed(each: Both, was: Stood, is_: Stood, levels: Levels) -> list[Move]:
    difference = _amount(is_) - _amount(was)
    if difference:
        kind: Kind = "raised" if difference > 0 else "lowered"
    elif levels.of(was.probability) != levels.of(is_.probability):
        kind = "class_changed"
    else:
        return []
    return [_move(each, kind, is_, difference, levels, left=was, entered=is_)]


def _unforecast(each: Both, days: Days) -> list[Move]:
    after = each.after
    if after is None or after.state != "won" or not (after.counts and days.has(after.day)):
        return []
    if each.before is not None and each.before.state == "won":
        return []  # it was won already
    return [_move(each, "won_unforecast", after, 0, Levels())]


def _why_out(each: Both, was: Stood, days: Days) -> Kind:
    after = each.after
    if after is None or not after.counts:
        return "dropped"
    if after.state in ("won", "lost"):
        return "won" if after.state == "won" else "lost"
    if after.day is None:
        return "undated"
    if days.has(after.day):
        return "dropped"  # without an amount, or any probability
    return "slipped_out" if after.day >= days.until else "pulled_out"


def _why_in(each: Both, days: Days) -> Kind:
    before = each.before
    if before is None or not before.counts:
        return "came_in"
    if before.state != "open":
        return "reopened"
    if before.day is None or days.has(before.day):
        return "came_in"
    return "slipped_in" if before.day < days.since else "pulled_in"


def _move(
    each: Both,
    kind: Kind,
    stood: Stood,
    difference: int,
    levels: Levels,
    left: Stood | None = None,
    entered: Stood | None = None,
) -> Move:
    after = each.after
    is_won = kind in ("won", "won_unforecast") and after is not None
    same = is_won and after is not None and after.currency == stood.currency
    return Move(
        each.lead,
        kind,
        stood.currency or "",
        difference,
        _amount(after) if same and after is not None else 0,
        levels.of(left.probability) if left else None,
        levels.of(entered.probability) if entered else None,
        each.before,
        after,
    )
