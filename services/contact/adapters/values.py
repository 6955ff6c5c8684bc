"""What adapters share: fields under their many names, moments, ids. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

from services.contact.faults import refuse
from services.contact.reading import Event
from shared.clock import rfc3339


def first(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The field that goes by one of these names and is not empty."""
    for name in names:
        if fields.get(name) not in (None, ""):
            return fields[name]
    return None


def text(fields: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The same as a text. Raises Refusal."""
    found = first(fields, names)
    if type(found) is int:
        return str(found)
    if found is not None and type(found) is not str:
        raise refuse(f"/{_name(fields, names)}", "type", f"`{_name(fields, names)}` is a text.")
    return found


def number(fields: Mapping[str, Any], names: Sequence[str]) -> int | float | None:
    """The same as a number, which may stand as text. Raises Refusal."""
    found = first(fields, names)
    if found is None or isinstance(found, int | float):
        return found
    try:
        return int(found) if str(found).isdigit() else float(found)
    except (TypeError, ValueError):
        name = _name(fields, names)
        raise refuse(f"/{name}", "type", f"`{name}` is a number: 184.") from None


def moment(fields: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The same as a moment: RFC 3339, or as mail has it; in UTC where it does not say."""
    found = first(fields, names)
    if found is None:
        return None
    try:
        at = parsedate_to_datetime(found[:64]) if "," in found else datetime.fromisoformat(found)
        return rfc3339(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        name = _name(fields, names)
        detail = f"`{name}` is a moment: 2026-01-31T12:00:00Z."
        raise refuse(f"/{name}", "time", detail) from None


def _name(fields: Mapping[str, Any], names: Sequence[str]) -> str:
    return next(name for name in names if fields.get(name) not in (None, ""))


def id_of(fields: Mapping[str, Any], names: Sequence[str], raw: bytes) -> str:
    """The record's own id, else a hash of its bytes: the same record counts once."""
    return text(fields, names) or "sha256:" + sha256(raw.strip()).hexdigest()


def event(type_: str, who: Any, fields: dict[str, Any], **rest: Any) -> Event:
    """An event of ours of what has a value."""
    said = {name: value for name, value in fields.items() if value is not None}
    given = {name: value for name, value in rest.items() if value is not None}
    return {**given, "type": type_, "data": {"identifiers": who, **said}}
