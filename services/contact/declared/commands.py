"""Declaring: looked at, tried, appended to the log, read back."""

from typing import Any, NamedTuple

from services.contact.declared.following import Following
from services.contact.declared.mapping import Mapped
from services.contact.declared.schema import Check
from services.contact.declared.schema import wrong as wrong_schema
from services.contact.declared.versions import (
    MAPPING,
    Author,
    Declared,
    Document,
    Kind,
    Version,
    partition_key,
    record_of,
)
from services.contact.faults import Refusal, refuse
from services.contact.types import TYPES
from shared.errors import Conflict, PreconditionFailed, PreconditionRequired, Unprocessable
from shared.ids import uuid7
from shared.log import partition_of
from shared.messages import Entry, Place

MOST = 1_000
"""Types that can have a schema, and types that can have a mapping."""


def rule_of(kind: Kind, type_: str, document: Document) -> Check | Mapped:
    """The declaration as it would be applied. Raises Unprocessable, which names the field."""
    try:
        if kind == MAPPING:
            if type_ in TYPES:
                raise refuse("/type", "known", f"{type_} is one of ours: there is nothing to map.")
            return Mapped(document)
        try:
            return Check(document)
        except ValueError as error:
            raise wrong_schema(str(error)) from None
    except Refusal as refusal:
        raise Unprocessable(refusal.error.detail, errors=(refusal.error,)) from None


class Change(NamedTuple):
    """What somebody wants declared; `expected` is the version that they saw, None: none named."""

    kind: Kind
    type: str
    document: Document | None
    expected: int | None


async def declare(following: Following, change: Change, author: Author) -> Version:
    """Append a version and read it back: the answer, once it stands in this process.

    Raises PreconditionRequired and PreconditionFailed where another version stands than the
    expected one, Conflict beyond the bound, LogUnavailable.
    """
    kind, type_, document, expected = change
    await following.read()
    versions = following.versions
    there = versions.of(kind, type_)
    if there and there[-1].document == document:
        return there[-1]
    _expect(there[-1].number if there else 0, expected)
    if document is not None and len(versions.standing(kind)) >= MOST:
        raise Conflict(f"At most {MOST} types have a {kind}; take one back first.", code="too_many")
    body, id = Declared(type_, len(there), document), str(uuid7())
    key = partition_key(kind, type_)
    partition = partition_of(key, following.partitions)
    entry = Entry(key.encode(), record_of(kind, body, id, author))
    [offset] = await following.log.append(following.topic, partition, [entry])
    await following.reach(Place(following.topic, partition, offset))
    found = next((one for one in versions.of(kind, type_) if one.event == id), None)
    if found is None:
        raise PreconditionFailed("Somebody declared another version at the same moment.")
    return found


def _expect(standing: int, expected: int | None) -> None:
    if standing and expected is None:
        raise PreconditionRequired(f"Version {standing} stands; name it in If-Match to replace it.")
    if expected is not None and expected != standing:
        said = f"Version {standing} stands" if standing else "Nothing is declared yet"
        raise PreconditionFailed(f"{said}, not version {expected}.")


def shown(version: Version | None) -> dict[str, Any] | None:
    """A version as it is answered."""
    if version is None:
        return None
    return {
        "version": version.number,
        "declared": version.declared,
        "key": version.key,
        "actor": version.actor,
        "document": version.document,
    }
