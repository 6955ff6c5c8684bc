"""Identifiers as requests name them: normalised, with their subject, or a problem."""

from shared.auth import Key
from shared.errors import FieldError, Unprocessable
from shared.identifiers import (
    KINDS,
    MAX_LENGTH,
    RANK,
    WITHOUT_NAMESPACE,
    is_blocked,
    normalise,
    subject,
)
from shared.messages import Identifier


def identifier(
    secret: bytes, key: Key, kind: str, namespace: str | None, value: str, pointer: str
) -> Identifier:
    """An identifier as it was given, normalised, with its subject; no namespace means the key's.

    Raises Unprocessable for one that identifies nobody; `pointer` is to what gave it, and with
    a slash at its end to the object with its fields.
    """
    if kind not in RANK:
        kinds = ", ".join(reversed(KINDS))
        raise _nobody(pointer, "kind", f"An identifier's kind is one of {kinds}.")
    value = normalise(kind, value)
    if not 0 < len(value) <= MAX_LENGTH or is_blocked(value):
        raise _nobody(pointer, "value", "This value identifies nobody.")
    space = key.namespace if namespace is None else namespace
    space = "" if kind in WITHOUT_NAMESPACE else space
    return Identifier(kind, value, space, subject(secret, kind, space, value))


def _nobody(pointer: str, field: str, detail: str) -> Unprocessable:
    at = f"{pointer}{field}" if pointer.endswith("/") else pointer
    return Unprocessable(detail, code="identifier", errors=(FieldError(at, field, detail),))
