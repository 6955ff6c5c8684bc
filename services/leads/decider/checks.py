"""What a field must be: every check yields what is wrong, so that all of it is said at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from math import isfinite

from services.leads.bounds import FIELD, LARGEST, LONG, SHORT
from services.leads.currencies import CURRENCIES
from shared.errors import Conflict, FieldError, Unprocessable

_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # what the database and UTF-8 do not take
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Wrong = Iterator[FieldError]


def refuse(found: Iterable[FieldError]) -> None:
    """Raise Unprocessable where anything was found, with all of it."""
    errors = tuple(found)
    if errors:
        code = errors[0].code if len(errors) == 1 else None
        detail = " ".join(error.detail for error in errors[:3])
        raise Unprocessable(detail, code=code, errors=errors)


def refusal(pointer: str, code: str, detail: str) -> Unprocessable:
    """One field is wrong."""
    return Unprocessable(detail, code=code, errors=(FieldError(pointer, code, detail),))


def conflict(pointer: str, code: str, detail: str) -> Conflict:
    """One field is not what the present state allows."""
    return Conflict(detail, code=code, errors=(FieldError(pointer, code, detail),))


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def text(value: str | None, pointer: str, most: int = SHORT) -> Wrong:
    """Of 1 to so many characters, not all blank; None is no text at all, and right."""
    if value is None:
        return
    if not value.strip():
        yield FieldError(pointer, "blank", "This must not be empty.")
    elif len(value) > most:
        yield FieldError(pointer, "too_long", f"At most {most} characters, not {len(value)}.")
    elif not value.isprintable() and _NO_TEXT.search(value):  # what is printable has neither
        yield FieldError(pointer, "character", "No U+0000 and no lone surrogates.")


def name(value: str, pointer: str) -> Wrong:
    """What stands in paths: small letters, digits and hyphens, at most 64."""
    if len(value) > 64 or not _NAME.fullmatch(value):
        what = "A name is up to 64 small letters, digits and single hyphens between them."
        yield FieldError(pointer, "name", what)


def whole(value: int, pointer: str, least: int, most: int) -> Wrong:
    """A whole number within bounds."""
    if type(value) is not int:
        yield FieldError(pointer, "whole_number", f"A whole number, not {value!r}.")
    elif not least <= value <= most:
        yield FieldError(pointer, "out_of_range", f"From {least} to {most}, not {value}.")


def money(amount: int | None, currency: str | None) -> Wrong:
    """Minor units of a currency of ISO 4217, both or neither."""
    if amount is not None:
        yield from _amount(amount)
    if amount is not None and currency is None:
        yield FieldError("/currency", "currency_missing", "An amount has a currency.")
    if currency is not None and currency not in CURRENCIES:
        detail = f"{currency!r} is no currency of ISO 4217; one is EUR."
        yield FieldError("/currency", "unknown_currency", detail)
    if currency is not None and amount is None:
        yield FieldError("/amount", "amount_missing", "A currency stands beside an amount.")


def _amount(amount: int) -> Wrong:
    if type(amount) is not int:
        detail = f"Whole minor units of the currency, such as 4990 for 49.90 EUR, not {amount!r}."
        yield FieldError("/amount", "minor_units", detail)
    else:
        yield from whole(amount, "/amount", 0, LARGEST)


def day(value: str | None, pointer: str) -> Wrong:
    """A day that there is, 2026-01-31."""
    if value is None or (_DAY.fullmatch(value) and _is_day(value)):
        return
    yield FieldError(pointer, "day", f"A day such as 2026-01-31, not {value!r}.")


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def own_fields(fields: Mapping[str, object]) -> Wrong:
    """Fields of one's own: small names, values that are text, a number or yes and no."""
    for key, value in fields.items():
        pointer = f"/fields/{escaped(key)}"
        if not FIELD.fullmatch(key):
            detail = "A field's name is a small letter, then small letters, digits, underscores."
            yield FieldError(pointer, "field_name", detail)
        if isinstance(value, str):
            yield from text(value, pointer, LONG)
        elif not (value is None or isinstance(value, bool) or _is_number(value)):
            yield FieldError(pointer, "field_value", "Text, a number, true, false or null.")


def _is_number(value: object) -> bool:
    """Of at most 64 bits."""
    if isinstance(value, int):
        return abs(value) < 2**63
    return isinstance(value, float) and isfinite(value)


def is_own_field(name: str) -> bool:
    """Whether `fields.NAME` names a field of one's own."""
    return name.startswith("fields.") and bool(FIELD.fullmatch(name.removeprefix("fields.")))
