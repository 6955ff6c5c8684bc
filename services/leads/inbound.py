"""What leads reads of the log: a tolerant reader, only the fields that it decides on or folds."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec

from services.leads.bounds import FIELD, LARGEST, LONG, MOST_FIELDS
from services.leads.currencies import CURRENCIES
from services.leads.events import Field
from shared.messages import Identifier, Record, decode
from shared.projection import Event


class _Shape(msgspec.Struct, frozen=True, gc=False):
    """Any interaction as it comes: of types that nobody declared these may be anything."""

    channel: str = "unknown"
    direction: str = "inbound"
    identifiers: tuple[Identifier, ...] = ()
    purpose: Any = None
    product: Any = None
    sku: Any = None
    amount: Any = None
    currency: Any = None
    form: Any = None
    fields: Any = None
    subject: Any = None
    automatic: Any = None


class _Described(_Shape, frozen=True, gc=False):
    """customer.described: JSON values by name; null takes a trait away."""

    traits: dict[str, msgspec.Raw] = {}


class Interaction(msgspec.Struct, frozen=True, gc=False):
    """Any interaction: where it happened, who it was, what it was about.

    `product` is what was asked for or looked at; `headline` the subject of a message; `automatic`:
    a program wrote it. What is of another kind than it should be is not there.
    """

    channel: str = "unknown"
    direction: str = "inbound"
    identifiers: tuple[Identifier, ...] = ()
    purpose: str | None = None
    product: str | None = None
    amount: int | None = None  # minor units of `currency`, both or neither
    currency: str | None = None
    form: str | None = None
    fields: Mapping[str, Field] = {}
    headline: str | None = None
    automatic: bool = False
    traits: Mapping[str, msgspec.Raw] = {}


class Belongs(msgspec.Struct, frozen=True):
    """belongs: the customer of a subject, by revision."""

    subject: UUID
    customer: UUID
    revision: int


_plain: msgspec.json.Decoder[_Shape] = msgspec.json.Decoder(_Shape)
_described: msgspec.json.Decoder[_Described] = msgspec.json.Decoder(_Described)
_belongs = msgspec.json.Decoder(Belongs)

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def interaction(record: Record) -> Event:
    """A record of `interactions`. Raises msgspec.MsgspecError for one that is not of our making."""
    envelope = decode(record.value)
    described = envelope.type == "customer.described"
    shape = (_described if described else _plain).decode(envelope.data)
    return Event(record, envelope, _interaction(shape))


def belongs(record: Record) -> Event:
    """A record of `customers`; of other types than belongs nothing is read."""
    envelope = decode(record.value)
    body = _belongs.decode(envelope.data) if envelope.type == "belongs" else None
    return Event(record, envelope, body)


def _interaction(shape: _Shape) -> Interaction:
    amount, currency = _money(shape)
    return Interaction(
        channel=shape.channel,
        direction=shape.direction,
        identifiers=shape.identifiers,
        purpose=_text(shape.purpose),
        product=_text(shape.product) or _text(shape.sku),
        amount=amount,
        currency=currency,
        form=_text(shape.form),
        fields=_fields(shape.fields),
        headline=_text(shape.subject),
        automatic=shape.automatic is True,
        traits=shape.traits if isinstance(shape, _Described) else {},
    )


def _money(shape: _Shape) -> tuple[int | None, str | None]:
    """An amount that a lead may have; nothing where it is none."""
    right = type(shape.amount) is int and 0 <= shape.amount <= LARGEST
    return (
        (shape.amount, shape.currency) if right and shape.currency in CURRENCIES else (None, None)
    )


def _fields(found: object) -> dict[str, Field]:
    """What was filled in, under names and with values that a lead may have."""
    if not isinstance(found, dict):
        return {}
    named = {_NOT_IN_NAMES.sub("_", str(name).lower()).strip("_"): found[name] for name in found}
    right = {
        name: value
        for name, value in named.items()
        if FIELD.fullmatch(name) and _may_be_kept(value)
    }
    return dict(sorted(right.items())[:MOST_FIELDS])


def _may_be_kept(value: object) -> bool:
    match value:
        case str():
            return len(value.strip()) > 0 and len(value) <= LONG
        case bool() | int():
            return abs(value) < 2**63
        case float():
            return isfinite(value)
        case _:
            return False


def _text(value: object) -> str | None:
    """Text that says something; nothing else."""
    return value.strip() or None if isinstance(value, str) else None
