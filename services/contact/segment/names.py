"""Names of `track` that mean one of our types. Pure.

What Segment's specs call e-commerce, e-mail and live-chat events; every other name stays a `track`
event under its name. Names that the first e-commerce spec had are known too.
"""

from collections.abc import Callable
from typing import NamedTuple

from services.contact.segment import shopping
from services.contact.segment.values import LINK, NOTE, Fields, known, text


class Meaning(NamedTuple):
    """The type that a name means, and its fields by the properties of the call."""

    type: str
    fields: Callable[[Fields], Fields]


def _email(properties: Fields) -> Fields:
    """`email_id` is the message."""
    campaign = text(properties.get("campaign_name")) or text(properties.get("campaign_id"))
    return known(
        message=text(properties.get("email_id"), 998),
        subject=text(properties.get("email_subject"), NOTE),
        campaign=campaign,
        link=text(properties.get("link_url"), LINK),
    )


def _chat(properties: Fields) -> Fields:
    return known(
        channel="chat",
        conversation=text(properties.get("conversation_id")),
        text=text(properties.get("message_body"), NOTE),
        employee=text(properties.get("agent_id")) or text(properties.get("agent_username")),
    )


def _unsubscribed(properties: Fields) -> Fields:
    """From one list, or from all; the address is known by who the call is about."""
    purpose = text(properties.get("list_name")) or text(properties.get("list_id"))
    return {"consent_channel": "email", "purpose": purpose or "all"}


UNSUBSCRIBED = "consent.withdrawn"
"""The one type whose address is not among the properties."""

_NAMES = {
    "Products Searched": Meaning("search.performed", shopping.search),
    "Product Viewed": Meaning("product.viewed", shopping.product),
    "Viewed Product": Meaning("product.viewed", shopping.product),
    "Product Added": Meaning("cart.updated", shopping.added),
    "Added Product": Meaning("cart.updated", shopping.added),
    "Product Removed": Meaning("cart.updated", shopping.removed),
    "Removed Product": Meaning("cart.updated", shopping.removed),
    "Order Completed": Meaning("order.placed", shopping.order_placed),
    "Completed Order": Meaning("order.placed", shopping.order_placed),
    "Order Updated": Meaning("order.placed", shopping.order_placed),
    "Updated Order": Meaning("order.placed", shopping.order_placed),
    "Order Refunded": Meaning("order.returned", shopping.order),
    "Refunded Order": Meaning("order.returned", shopping.order),
    "Order Cancelled": Meaning("order.cancelled", shopping.order),
    "Cancelled Order": Meaning("order.cancelled", shopping.order),
    "Product Reviewed": Meaning("review.posted", shopping.review),
    "Reviewed Product": Meaning("review.posted", shopping.review),
    "Email Sent": Meaning("email.sent", _email),
    "Email Delivered": Meaning("email.delivered", _email),
    "Email Bounced": Meaning("email.bounced", _email),
    "Email Opened": Meaning("email.opened", _email),
    "Email Link Clicked": Meaning("email.clicked", _email),
    "Email Marked as Spam": Meaning("email.complained", _email),
    "Unsubscribed": Meaning(UNSUBSCRIBED, _unsubscribed),
    # The customer sends and receives: what they send is received here.
    "Live Chat Conversation Started": Meaning("message.received", _chat),
    "Live Chat Message Sent": Meaning("message.received", _chat),
    "Live Chat Message Received": Meaning("message.sent", _chat),
}

NAMES = {name.lower(): meaning for name, meaning in _NAMES.items()}
"""By the name of the event in lower case."""
