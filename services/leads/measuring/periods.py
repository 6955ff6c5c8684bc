"""Periods that follow each other, and those before them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

MOST_DAYS = 3 * 366
FIRST_YEAR, LAST_YEAR = 1900, 9900
"""Of what is measured and planned: before and after that there are days to look at too."""

BUCKETS = ("day", "week", "month")


def first_of(day: date, kind: str) -> date:
    """The first day of the day, week (from Monday) or month that a day is in."""
    if kind == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if kind == "week" else day


def after(first: date, kind: str) -> date:
    """The first day of the next one."""
    if kind == "month":
        return months(first, 1)
    return first + timedelta(days=7 if kind == "week" else 1)


def months(day: date, number: int) -> date:
    """The first of a month, so many months later."""
    count = day.year * 12 + day.month - 1 + number
    return date(count // 12, count % 12 + 1, 1)


def before(since: date, until: date) -> date:
    """Where the period before one begins: as many whole months, or as many days, long."""
    if since.day == until.day == 1:
        return months(since, since.year * 12 + since.month - until.year * 12 - until.month)
    return since - (until - since)


def buckets(since: date, until: date, kind: str) -> list[date]:
    """The first days of the whole days, weeks or months from one to before another, and the end."""
    found = [first_of(since, kind)]
    while found[-1] < until:
        found.append(after(found[-1], kind))
    return found


def thresholds(bounds: Sequence[date]) -> list[datetime]:
    """Where periods begin and end: two periods before the first one, then these bounds."""
    previous = before(bounds[0], bounds[1])
    return [midnight(day) for day in (before(previous, bounds[0]), previous, *bounds)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
