"""A fix: what is changed of a refused item before it is driven. JSON Patch within bounds. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jsonpatch
import msgspec
from jsonpointer import JsonPointerException

from services.contact.body import opened
from services.contact.reading import MAX_BODY
from shared.errors import FieldError, Unprocessable

MOST_STEPS = 100
MAX_PATCH = 64 * 1024
"""Bytes of all that a fix says."""

_TOO_LARGE = f"A body has at most {MAX_BODY} bytes."
_READING = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_APPLYING = (
    jsonpatch.JsonPatchException,
    JsonPointerException,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    RecursionError,
)


class Sent(NamedTuple):
    """A refused item as it was sent: its bytes and the headers that matter."""

    content: bytes
    names: Mapping[bytes, bytes]


class Fix(NamedTuple):
    """What is changed: the item by a JSON Patch, its headers by name (None: without it)."""

    patch: Sequence[Mapping[str, Any]] | None = None
    headers: Mapping[str, str | None] | None = None

    def said(self) -> dict[str, Any]:
        """The fix as it stands in a record."""
        found = {"patch": self.patch, "headers": self.headers}
        return {name: value for name, value in found.items() if value is not None}


NOTHING = Fix()


def fixed(sent: Sent, fix: Fix) -> Sent:
    """The item after a fix. Raises Unprocessable with the step that cannot be done."""
    if len(msgspec.json.encode(fix.said())) > MAX_PATCH:
        raise _wrong("/patch", "too_large", f"A fix has at most {MAX_PATCH} bytes.")
    names = dict(sent.names)
    for name, value in (fix.headers or {}).items():
        names.pop(name.encode(), None)
        if value is not None:
            names[name.encode()] = value.encode()
    if fix.patch is None:
        return Sent(sent.content, names)
    body = opened(sent.content, names)  # what is patched is the document, not its compression
    content = body.content if body.problem is None else b""
    names.pop(b"content-encoding", None)
    return Sent(_patched(content, fix.patch), names)


def _patched(content: bytes, patch: Sequence[Mapping[str, Any]]) -> bytes:
    """The document after a patch; what is no JSON is null, and can only be replaced whole.

    Only `copy` lets a document grow beyond the patch: all copies together are bounded.
    """
    if len(patch) > MOST_STEPS:
        raise _wrong("/patch", "too_many", f"A patch has at most {MOST_STEPS} steps.")
    document, grown = _read(content), 0
    for place, step in enumerate(patch):
        before = len(_written(document, place)) if step.get("op") == "copy" else None
        document = _applied(document, step, place)
        if before is not None:
            grown += len(_written(document, place)) - before
            if grown > MAX_BODY:
                raise _wrong(f"/patch/{place}", "too_large", _TOO_LARGE)
    return _written(document, len(patch) - 1)


def _read(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except _READING:
        return None


def _applied(document: Any, step: Mapping[str, Any], place: int) -> Any:
    try:
        return jsonpatch.apply_patch(document, [dict(step)], in_place=True)
    except _APPLYING as error:
        raise _wrong(f"/patch/{place}", "patch", f"This step cannot be done: {error}.") from None


def _written(document: Any, place: int) -> bytes:
    pointer = f"/patch/{max(place, 0)}"
    try:
        content = msgspec.json.encode(document)
    except (msgspec.MsgspecError, RecursionError, ValueError, TypeError) as error:
        raise _wrong(pointer, "patch", f"What comes of this is not JSON: {error}.") from None
    if len(content) > MAX_BODY:
        raise _wrong(pointer, "too_large", _TOO_LARGE)
    return content


def _wrong(pointer: str, code: str, detail: str) -> Unprocessable:
    return Unprocessable(detail, code="patch", errors=(FieldError(pointer, code, detail),))
