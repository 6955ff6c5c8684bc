"""The known interaction types: the fields of their `data`, beside channel, direction, identifiers.

Fields that are not named here are kept as they came. Money is an integer of minor units with an
ISO 4217 code. `namespace` says whose numbers these are; left out, the door writes the key's.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Namespace = Annotated[str, Meta(max_length=128)]
Note = Annotated[str, Meta(max_length=65536)]
Link = Annotated[str, Meta(max_length=4096)]
Amount = Annotated[int, Meta(ge=-(10**15), le=10**15, description="minor units")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217")]
Quantity = Annotated[int, Meta(ge=-(10**12), le=10**12)] | Annotated[float, Meta(ge=-1e12, le=1e12)]
Seconds = Annotated[int, Meta(ge=0, le=10**9)] | Annotated[float, Meta(ge=0, le=1e9)]
Day = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
        r"(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?(?!\n)$",
        description="a day, or a moment with its offset",
    ),
]
MessageId = Annotated[str, Meta(min_length=1, max_length=998)]
Address = Annotated[str, Meta(min_length=1, max_length=512)]
Purpose = Literal["sales", "service", "information"]
Traits = dict[Annotated[str, Meta(min_length=1, max_length=64)], Any]


class Priced(Struct, kw_only=True):
    """Anything with an amount: where there is one, its currency is there too."""

    amount: Amount | None = None
    currency: Currency | None = None

    def __post_init__(self) -> None:
        if self.amount is not None and self.currency is None:
            raise ValueError("`currency` must be there where `amount` is")


class Line(Struct):
    """One line of an order, return or cart; price and cost are of one piece, in minor units."""

    sku: Name
    quantity: Quantity = 1
    price: Amount | None = None
    cost: Amount | None = None
    name: Name | None = None


class Call(Struct):
    """call.received, call.placed, call.missed: `duration` in seconds."""

    employee: Name | None = None
    purpose: Purpose | None = None
    duration: Seconds | None = None


class Mailbox(Struct):
    """An address of e-mail and the name that stands beside it."""

    address: Address
    name: Note | None = None


class Attachment(Struct):
    """A file that came with a message: `size` in bytes; its content is not kept."""

    media: Name
    size: Annotated[int, Meta(ge=0)]
    name: Note | None = None


Mailboxes = Annotated[list[Mailbox], Meta(max_length=100)]


class Email(Struct):
    """email.received, sent, delivered, bounced, opened, clicked, complained.

    `message`, `in_reply_to` and `references` are Message-IDs with their brackets. `automatic`: a
    program sent it, as the headers in `automatic_by` say. `size` is that of the whole message in
    bytes; `cut`: it had more text, attachments or parts than are kept.
    """

    message: MessageId | None = None
    subject: Note | None = None
    text: Note | None = None
    sender: Mailbox | None = None
    reply_to: Mailboxes | None = None
    to: Mailboxes | None = None
    cc: Mailboxes | None = None
    in_reply_to: MessageId | None = None
    references: Annotated[list[MessageId], Meta(max_length=100)] | None = None
    attachments: Annotated[list[Attachment], Meta(max_length=100)] | None = None
    automatic: bool | None = None
    automatic_by: Annotated[list[Name], Meta(max_length=100)] | None = None
    size: Annotated[int, Meta(ge=0)] | None = None
    cut: bool | None = None
    campaign: Name | None = None
    link: Link | None = None
    reason: Note | None = None
    employee: Name | None = None
    purpose: Purpose | None = None


class Message(Struct):
    """message.received, message.sent (chat, text message, social network)."""

    conversation: Name | None = None
    text: Note | None = None
    campaign: Name | None = None
    employee: Name | None = None
    purpose: Purpose | None = None


class Letter(Struct):
    """letter.received, letter.sent."""

    reference: Name | None = None
    campaign: Name | None = None
    employee: Name | None = None
    purpose: Purpose | None = None


class Visit(Struct):
    """desk.visited, store.visited, visit.made: `duration` in seconds."""

    location: Name | None = None
    employee: Name | None = None
    purpose: Purpose | None = None
    duration: Seconds | None = None


class Page(Struct):
    """page.viewed, screen.viewed."""

    name: Note | None = None
    url: Link | None = None
    title: Note | None = None
    referrer: Link | None = None


class ProductViewed(Struct):
    """product.viewed."""

    sku: Name
    name: Note | None = None
    url: Link | None = None


class Search(Struct):
    """search.performed."""

    query: Note
    results: Annotated[int, Meta(ge=0)] | None = None


class Cart(Priced, kw_only=True):
    """cart.updated: `lines` are what is in it now."""

    cart: Name | None = None
    lines: list[Line] | None = None


class Form(Struct):
    """form.submitted: `fields` as they were filled in."""

    form: Name
    fields: dict[str, Any] | None = None


class Request(Priced):
    """information.requested, information.given, quote.requested, service.requested."""

    product: Name | None = None
    text: Note | None = None
    employee: Name | None = None
    case: Name | None = None


class Complaint(Struct):
    """complaint.raised."""

    about: Name | None = None
    text: Note | None = None
    order: Name | None = None
    namespace: Namespace | None = None
    severity: Name | None = None


class ReturnRequested(Struct):
    """return.requested."""

    order: Name
    namespace: Namespace | None = None
    reason: Note | None = None
    lines: list[Line] | None = None


class Order(Priced, kw_only=True):
    """order.placed, paid, shipped, delivered, cancelled, returned.

    `order` is the number as text. placed: amount (whole order), lines, promised; paid: amount;
    shipped: shipped_quantity, carrier, tracking; delivered: accepted_quantity, damage, documents
    (whether the papers were complete and right); returned: amount given back, lines; reason.
    """

    order: Name
    namespace: Namespace | None = None
    lines: list[Line] | None = None
    promised: Day | None = None
    shipped_quantity: Quantity | None = None
    accepted_quantity: Quantity | None = None
    damage: bool | None = None
    documents: bool | None = None
    carrier: Name | None = None
    tracking: Name | None = None
    reason: Note | None = None


class OrderPlaced(Order, kw_only=True):
    """order.placed: an order with what it is worth."""

    amount: Amount
    currency: Currency


class Invoice(Priced, kw_only=True):
    """invoice.sent, invoice.paid: `invoice` is the number as text."""

    invoice: Name
    namespace: Namespace | None = None
    order: Name | None = None
    due: Day | None = None


class Subscription(Priced, kw_only=True):
    """subscription.started, renewed, cancelled, due: `subscription` is the number as text."""

    subscription: Name
    namespace: Namespace | None = None
    term: Name | None = None
    product: Name | None = None
    reason: Note | None = None


class ProductRegistered(Struct):
    """product.registered: `serial` is the serial number as text."""

    serial: Name
    namespace: Namespace | None = None
    sku: Name | None = None
    name: Name | None = None
    bought: Day | None = None


class Stock(Struct):
    """stock.counted."""

    sku: Name
    quantity: Quantity
    location: Name | None = None


class Feedback(Struct):
    """feedback.given: satisfaction 1-5, likelihood to recommend 0-10, or words."""

    csat: Annotated[int, Meta(ge=1, le=5)] | None = None
    nps: Annotated[int, Meta(ge=0, le=10)] | None = None
    comment: Note | None = None
    about: Name | None = None

    def __post_init__(self) -> None:
        if self.csat is None and self.nps is None and self.comment is None:
            raise ValueError("one of `csat`, `nps` and `comment` must be there")


class Review(Struct):
    """review.posted: `rating` of `scale` (5 where it is left out)."""

    product: Name | None = None
    rating: Annotated[float, Meta(ge=0, le=100)] | None = None
    scale: Annotated[int, Meta(ge=1, le=100)] | None = None
    text: Note | None = None
    url: Link | None = None


class Competitor(Struct):
    """competitor.mentioned."""

    competitor: Name
    product: Name | None = None
    text: Note | None = None


class SocialMention(Struct):
    """social.mentioned."""

    network: Name | None = None
    url: Link | None = None
    text: Note | None = None
    sentiment: Literal["positive", "neutral", "negative"] | None = None


class Consent(Struct):
    """consent.granted, consent.withdrawn.

    `consent_channel` is the channel that may be used (left out: the event's own channel), `address`
    the address or number there; chosen `topics` and `times` are words of the sender's own. The door
    adds `address_identifier` {kind, value, subject} where the address is an e-mail or phone number.
    """

    address: Annotated[str, Meta(min_length=1, max_length=512)]
    purpose: Name
    consent_channel: Annotated[str, Meta(pattern="^[a-z0-9_]+$", max_length=32)] | None = None
    topics: Annotated[list[Name], Meta(max_length=100)] | None = None
    times: Annotated[list[Name], Meta(max_length=100)] | None = None


class Described(Struct):
    """customer.described: traits by name; `null` takes a trait away."""

    traits: Annotated[Traits, Meta(max_length=100)]


class Organisation(Struct):
    """An organisation: `id` is its number within the namespace, as text."""

    id: Name
    namespace: Namespace | None = None
    name: Note | None = None


class Membership(Struct):
    """membership.changed: the person of the event's identifiers belongs there, or no longer."""

    organisation: Organisation
    role: Annotated[str, Meta(max_length=128)] = ""
    member: bool = True


class Seen(Struct):
    """identifiers.seen: nothing but two or more identifiers."""


def _family(struct: type[Struct], family: str, verbs: str) -> dict[str, type[Struct]]:
    return {f"{family}.{verb}": struct for verb in verbs.split()}


TYPES: dict[str, type[Struct]] = {
    **_family(Call, "call", "received placed missed"),
    **_family(Email, "email", "received sent delivered bounced opened clicked complained"),
    **_family(Message, "message", "received sent"),
    **_family(Letter, "letter", "received sent"),
    "desk.visited": Visit,
    "store.visited": Visit,
    "visit.made": Visit,
    "page.viewed": Page,
    "screen.viewed": Page,
    "product.viewed": ProductViewed,
    "search.performed": Search,
    "cart.updated": Cart,
    "form.submitted": Form,
    **_family(Request, "information", "requested given"),
    "quote.requested": Request,
    "service.requested": Request,
    "complaint.raised": Complaint,
    "return.requested": ReturnRequested,
    "order.placed": OrderPlaced,
    **_family(Order, "order", "paid shipped delivered cancelled returned"),
    **_family(Invoice, "invoice", "sent paid"),
    **_family(Subscription, "subscription", "started renewed cancelled due"),
    "product.registered": ProductRegistered,
    "stock.counted": Stock,
    "feedback.given": Feedback,
    "review.posted": Review,
    "competitor.mentioned": Competitor,
    "social.mentioned": SocialMention,
    **_family(Consent, "consent", "granted withdrawn"),
    "customer.described": Described,
    "membership.changed": Membership,
    "identifiers.seen": Seen,
}

CHANNELS = frozenset(
    ["phone", "email", "desk", "letter", "web", "store", "chat", "social", "mobile", "partner"]
)
DIRECTIONS = frozenset(("inbound", "outbound", "internal"))

_FAMILY_CHANNEL = {
    "call": "phone",
    "email": "email",
    "letter": "letter",
    "desk": "desk",
    "store": "store",
    "page": "web",
    "screen": "mobile",
    "social": "social",
}
_OUTBOUND = (
    "call.placed",
    "email.sent",
    "email.delivered",
    "email.bounced",
    "message.sent",
    "letter.sent",
    "invoice.sent",
    "information.given",
)

CHANNEL_OF = {type_: _FAMILY_CHANNEL.get(type_.split(".")[0]) for type_ in TYPES}
"""The channel of a known type where the event names none."""

DIRECTION_OF = {**dict.fromkeys(_OUTBOUND, "outbound"), "stock.counted": "internal"}
"""The direction of a known type where the event names none; the rest are inbound."""

NAMESPACED = frozenset(
    type_ for type_, struct in TYPES.items() if "namespace" in struct.__struct_fields__
)
"""Types whose `data.namespace` is the key's where it is left out."""


def check(type_: str, data: dict[str, Any]) -> None:
    """Check the fields of a known type. Raises msgspec.ValidationError."""
    struct = TYPES.get(type_)
    if struct is not None:
        msgspec.convert(data, struct)
