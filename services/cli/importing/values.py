"""Values of a file as events have them: amounts in minor units, moments in UTC. Pure."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from services.cli.importing.options import Options
from services.contact.money import minor_units
from shared.clock import rfc3339

_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


def amount(value: Any, currency: str, options: Options) -> int:
    """An amount in minor units of the currency. Raises ValueError, whose sentence says why."""
    if isinstance(value, Decimal):
        value = format(value, "f")
    try:
        if options.minor:
            return int(value)
        return minor_units(_plain(value, options.decimal), currency)
    except (ValueError, TypeError):
        right = "4990" if options.minor else f"49{options.decimal}90"
        raise ValueError(f"{value!r} is no amount; right is {right}.") from None


def number(value: Any, options: Options) -> int | float:
    """A number. Raises ValueError."""
    try:
        found = float(_plain(value, options.decimal))
        return int(found) if found.is_integer() else found
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{value!r} is no number; right is 2.") from None


def _plain(value: Any, decimal: str) -> Any:
    """A number as text with a point before its fraction and no groups."""
    if type(value) is not str:
        return value
    text = value.strip().replace(" ", "").replace("\u00a0", "").replace("'", "")
    if decimal == ",":
        text = text.translate({ord("."): ",", ord(","): "."})
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


def moment(value: Any, options: Options) -> str:
    """A moment as RFC 3339 in UTC; a day is its first moment there. Raises ValueError."""
    try:
        found = _moment(value, options.time_format)
        return rfc3339(found if found.tzinfo else found.replace(tzinfo=options.zone))
    except (ValueError, TypeError, OverflowError, OSError):
        right = f"as {options.time_format} has it" if options.time_format else "2026-01-31T12:00:00"
        raise ValueError(f"{value!r} is no moment; right is {right}.") from None


def _moment(value: Any, form: str | None) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if form == "unix":
        return datetime.fromtimestamp(float(value), UTC)
    text = value.strip()
    return datetime.strptime(text, form) if form else datetime.fromisoformat(text)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
