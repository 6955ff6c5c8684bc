"""Why bytes are not an event: the place, a code and a sentence."""

import json
import math
import re
from typing import Any

import msgspec

from shared.errors import FieldError

MAX_DEPTH = 20
"""Objects and arrays within each other, the event itself being the first."""


class Refusal(Exception):
    """An event that is not let in, with the fields that are wrong."""

    def __init__(self, error: FieldError, status: int = 422, id: str | None = None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.status = status
        self.id = id

    def alone(self) -> "Refusal":
        """Itself without the frames it came through: each would be kept until all are answered."""
        self.__traceback__ = self.__context__ = None
        return self


def refuse(pointer: str, code: str, detail: str, status: int = 422) -> Refusal:
    return Refusal(FieldError(pointer, code, detail), status)


def too_deep() -> Refusal:
    return refuse("", "too_deep", f"At most {MAX_DEPTH} objects and arrays stand in each other.")


_PATH = re.compile(r"(.*?)(?: - at `(?:key in )?\$?(.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[\.\.\.\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_NAMED = re.compile(r".*?`(\w+)`.* must be there")
_CODES = (
    ("Invalid enum value", "value"),
    ("matching regex", "pattern"),
    ("of length", "length"),
    ("=", "range"),
    ("Expected", "type"),
)


def of_field(error: msgspec.ValidationError, within: str) -> FieldError:
    """What msgspec says of a value, with a pointer to it; `within` points to the whole."""
    match = _PATH.fullmatch(str(error))
    assert match is not None
    message, path = match[1], within + _pointer(match[2] or "")
    if missing := _MISSING.match(message):
        return FieldError(f"{path}/{missing[1]}", "required", f"`{missing[1]}` must be there.")
    if named := _NAMED.match(message):  # a sentence of our own types
        return FieldError(f"{path}/{named[1]}", "required", message + ".")
    code = next((code for sign, code in _CODES if sign in message), "invalid")
    return FieldError(path, code, message.replace("`", "") + ".")


def _pointer(path: str) -> str:
    """A pointer from a path of msgspec's, as far as that is exact: `[...]` is some key."""
    pointer = ""
    for step in _STEP.finditer(path):
        if step[0] == "[...]":
            break
        pointer += f"/{step[1] or step[2]}"
    return pointer


def of_bytes(raw: bytes, error: Exception) -> Refusal:
    """Why these bytes could not be read as an event."""
    if isinstance(error, msgspec.ValidationError) and "out of range" not in str(error):
        found = of_field(error, "")
        if found.code == "type" and "bool | int | float | str | null" in found.detail:
            return too_deep()
        if found.pointer == "":
            return refuse("", found.code, f"An event is a JSON object. {found.detail}")
        return Refusal(found)
    if isinstance(error, RecursionError):
        return too_deep()
    return _first_fault(raw) or refuse("", "not_json", f"This is not JSON: {error}.", 400)


def _first_fault(raw: bytes) -> Refusal | None:
    """The first value that JSON, UTF-8 or Unicode does not allow, read leniently to find it."""
    try:
        tree = json.loads(
            raw.decode("utf-8", "surrogateescape"), parse_constant=_Constant, parse_int=_integer
        )
    except (ValueError, RecursionError):
        return None if _is_utf8(raw) else refuse("", "not_utf8", "This is not UTF-8.", 400)
    return _search(tree, "", _is_utf8(raw))


class _Constant(str):
    """NaN, Infinity or -Infinity."""


_MOST_DIGITS = 4300


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _MOST_DIGITS else math.inf


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def nul(event: Any) -> FieldError | None:
    """The first string with a U+0000, which no database keeps as text."""
    found = _search(event, "", True)
    return found.error if found else None


def _search(value: Any, pointer: str, utf8: bool) -> Refusal | None:
    if isinstance(value, str):
        return _of_text(value, pointer, utf8)
    found: Refusal | None = None
    if value in (math.inf, -math.inf):
        found = refuse(pointer, "range", "This number is out of range.")
    elif isinstance(value, dict):
        for name, part in value.items():
            found = _of_text(name, pointer, utf8) or _search(
                part, f"{pointer}/{escape(name)}", utf8
            )
            if found:
                break
    elif isinstance(value, list):
        parts = enumerate(value)
        found = next(
            filter(None, (_search(part, f"{pointer}/{i}", utf8) for i, part in parts)), None
        )
    return found


def _of_text(text: str, pointer: str, utf8: bool) -> Refusal | None:
    if isinstance(text, _Constant):
        return refuse(pointer, "not_a_number", f"{text} is not a JSON number.")
    if "\0" in text:
        return refuse(pointer, "nul", "U+0000 cannot be kept.")
    if text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text):
        return None
    if utf8:
        return refuse(pointer, "surrogate", "A lone surrogate is not a character.")
    return refuse(pointer, "not_utf8", "This is not UTF-8.", 400)


def escape(part: str) -> str:
    """One part of a JSON pointer (RFC 6901), in characters that can be written."""
    part = part.replace("~", "~0").replace("/", "~1")
    return part.encode("utf-8", "replace").decode()
