"""Values of a call as our types have them: what does not fit stays in the body alone. Pure."""

from typing import Any

from services.contact.faults import escape, refuse

Fields = dict[str, Any]

NAME = 128
NOTE = 65_536
LINK = 4096
"""Characters of texts, as `services.contact.types` has them."""


def text(value: Any, most: int = NAME) -> str | None:
    """A text, or a number as text; None for what is none, is blank or too long."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or len(value) > most or not value.strip():
        return None
    found: str = value
    return found


def required(fields: Fields, name: str, within: str) -> str:
    """A text that must be there; `within` points to the fields. Raises Refusal."""
    found = text(fields.get(name))
    if found is None:
        raise refuse(
            f"{within}/{name}", "required", f"`{name}` must be there: 1 to {NAME} characters."
        )
    return found


def members(call: Fields, name: str) -> Fields:
    """An object of a call, empty where it is left out. Raises Refusal."""
    found = call.get(name)
    if found is None:
        return {}
    if type(found) is not dict:
        raise refuse(f"/{escape(name)}", "type", f"`{name}` is an object.")
    return found


def known(**fields: Any) -> Fields:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
