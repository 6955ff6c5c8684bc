"""Which interactions complete which steps. Pure."""

from collections.abc import Mapping

from services.leads.follow_ups.events import Means
from services.leads.inbound import Interaction

OURS = frozenset(
    {"call.placed", "email.sent", "letter.sent", "message.sent", "visit.made", "information.given"}
)
"""What we do ourselves: it completes a step unless it names another purpose than sales."""

THEIRS = frozenset(
    {
        "call.received",
        "email.received",
        "letter.received",
        "message.received",
        "store.visited",
        "desk.visited",
    }
)
"""What a customer does: it completes a step where it is about sales."""

BY_KIND: Mapping[Means, tuple[str, ...]] = {
    "call": ("call.placed", "call.received"),
    "email": ("email.sent",),
    "letter": ("letter.sent",),
    "visit": ("visit.made",),
    "message": ("message.sent",),
    "task": (),
}
"""What completes a step that names no types; a task is done by hand."""


def completes(type_: str, body: Interaction, *, campaign: bool) -> bool:
    """Whether an interaction is work on a lead: what a program or a campaign sent is not."""
    if body.automatic or campaign:
        return False
    if type_ in OURS:
        return body.purpose in (None, "sales")
    return type_ in THEIRS and body.purpose == "sales"
