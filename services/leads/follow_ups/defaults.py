"""The sequences that there are from the first start, and operators may change."""

from services.leads.follow_ups.commands import BeginPlaybook
from services.leads.follow_ups.events import Sequence, Start, Step


def playbook(at: str) -> BeginPlaybook:
    """For the pipeline sales: reaching somebody, and asking what became of an offer."""
    return BeginPlaybook(sequences={"first-contact": _FIRST, "after-offer": _OFFER}, at=at)


_FIRST = Sequence(
    title="First contact",
    steps=(
        Step(
            *("call", "Call and ask what they need", "call"),
            hours=2,
            guide="Who decides? By when? What would make it a success?",
        ),
        Step(
            *("write", "Sum it up in an e-mail", "email"),
            days=2,
            guide="Repeat what they need in their words, and propose a moment to talk.",
        ),
        Step("call-again", "Call again", "call", days=5, guide="Offer two moments to meet."),
    ),
    starts=(Start(pipeline="sales", stage="new"),),
    ends="stage",
)

_OFFER = Sequence(
    title="After an offer",
    steps=(
        Step(
            *("received", "Call: did the offer arrive, is it clear?", "call"),
            days=2,
            grace=48,
        ),
        Step("questions", "Write: answer what is open", "email", days=7, grace=48),
        Step("decision", "Call and ask for the decision", "call", days=14, grace=72),
    ),
    starts=(Start(pipeline="sales", stage="proposal"),),
    ends="stage",
)
