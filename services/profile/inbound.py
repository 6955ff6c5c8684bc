"""What the profile reads of foreign events: a tolerant reader, only the fields it folds."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from shared.messages import Envelope, Identifier, Record, decode
from shared.projection import Event

DISOWNED = "key.disowned"


class Body(msgspec.Struct, frozen=True, gc=False):
    """Any interaction: where it happened and who it was."""

    channel: str = "unknown"
    direction: str = "inbound"
    identifiers: list[Identifier] = []


class OrderBody(Body, frozen=True, gc=False, kw_only=True):
    """order.*: amounts in minor units of `currency`; on order.returned what was given back."""

    order: str
    namespace: str = ""
    amount: int | None = None
    currency: str | None = None
    lines: msgspec.Raw = msgspec.Raw(b"")


class SubscriptionBody(Body, frozen=True, gc=False, kw_only=True):
    """subscription.*"""

    subscription: str
    namespace: str = ""
    term: str | None = None
    amount: int | None = None
    currency: str | None = None


class ProductBody(Body, frozen=True, gc=False, kw_only=True):
    """product.registered"""

    serial: str
    namespace: str = ""
    sku: str | None = None
    name: str | None = None


class FeedbackBody(Body, frozen=True, gc=False):
    """feedback.given: csat 1-5, nps 0-10."""

    csat: int | None = None
    nps: int | None = None


class TraitsBody(Body, frozen=True, gc=False):
    """customer.described: JSON values by name; null takes a trait away."""

    traits: dict[str, msgspec.Raw] = {}


class ConsentBody(Body, frozen=True, gc=False):
    """consent.granted and consent.withdrawn."""

    address: str = ""
    purpose: str = ""
    consent_channel: str | None = None
    address_identifier: Identifier | None = None
    topics: list[str] | None = None
    times: list[str] | None = None


class Organisation(msgspec.Struct, frozen=True):
    """The organisation in membership.changed."""

    id: str
    namespace: str = ""
    name: str | None = None


class MembershipBody(Body, frozen=True):
    """membership.changed: the person is the event's own subject."""

    organisation: Organisation | None = None
    role: str = ""
    member: bool = True


class SeenBody(Body, frozen=True, gc=False):
    """identifiers.seen: two of one kind count as the decision *together*."""


class DecisionBody(msgspec.Struct, frozen=True, gc=False):
    """identifiers.together, .apart and .observed on the topic `identity`."""

    identifiers: tuple[Identifier, Identifier]
    decision: Literal["together", "apart", "observed"]
    reason: str = ""


class DisownedBody(msgspec.Struct, frozen=True, gc=False):
    """key.disowned on the topic `identity`: the pairs that this key let in do not count."""

    key: str
    reason: str = ""


class LeadBody(msgspec.Struct, frozen=True, gc=False):
    """lead.*, as far as the profile shows it: `amount` in minor units of `currency`."""

    pipeline: str | None = None
    stage: str | None = None
    title: str | UnsetType = UNSET
    amount: int | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    expected_close: str | UnsetType | None = UNSET
    owner: str | None = None


LEAD_TYPES = frozenset(
    f"lead.{verb}"
    for verb in (
        *("captured", "described", "moved", "assigned"),
        *("won", "lost", "merged", "reopened", "unmerged"),
    )
)
"""What changes a lead in a way that the profile shows."""

_BY_FAMILY: dict[str, type[Body]] = {
    "order": OrderBody,
    "subscription": SubscriptionBody,
}
_BY_TYPE: dict[str, type[Body]] = {
    "product.registered": ProductBody,
    "feedback.given": FeedbackBody,
    "customer.described": TraitsBody,
    "consent.granted": ConsentBody,
    "consent.withdrawn": ConsentBody,
    "membership.changed": MembershipBody,
    "identifiers.seen": SeenBody,
}
_FOLDED = {
    "order": {"placed", "paid", "shipped", "delivered", "cancelled", "returned"},
    "subscription": {"started", "renewed", "cancelled", "due"},
}

_decoders: dict[str, msgspec.json.Decoder[Body]] = {
    **{type_: msgspec.json.Decoder(body) for type_, body in _BY_TYPE.items()},
    **{
        f"{family}.{verb}": msgspec.json.Decoder(_BY_FAMILY[family])
        for family, verbs in _FOLDED.items()
        for verb in verbs
    },
}
_plain: msgspec.json.Decoder[Body] = msgspec.json.Decoder(Body)
_decision: msgspec.json.Decoder[Any] = msgspec.json.Decoder(DecisionBody)
_lead: msgspec.json.Decoder[LeadBody] = msgspec.json.Decoder(LeadBody)
_disowned: msgspec.json.Decoder[Any] = msgspec.json.Decoder(DisownedBody)


def interaction(record: Record) -> Event:
    """A record of `interactions`. Raises msgspec.MsgspecError for one that is not of our making."""
    envelope = decode(record.value)
    return Event(record, envelope, _decoders.get(envelope.type, _plain).decode(envelope.data))


def decision(record: Record) -> Event:
    """A record of `identity`. Raises msgspec.MsgspecError for one that is not of our making."""
    envelope: Envelope = decode(record.value)
    decoder = _disowned if envelope.type == DISOWNED else _decision
    return Event(record, envelope, decoder.decode(envelope.data))


def lead(record: Record) -> Event:
    """A record of `leads`; of other types than `LEAD_TYPES` nothing is read.

    Raises msgspec.MsgspecError for one that is not of our making.
    """
    envelope: Envelope = decode(record.value)
    known = envelope.type in LEAD_TYPES
    return Event(record, envelope, _lead.decode(envelope.data) if known else None)
