"""Rows of estimates: one of each event of a lead that changes what is to be expected of it."""

from typing import Any

from msgspec import UNSET

from services.leads.events import (
    LeadAssigned,
    LeadCaptured,
    LeadDescribed,
    LeadLost,
    LeadMerged,
    LeadMoved,
    LeadReopened,
    LeadUnmerged,
    LeadWon,
)
from services.leads.forecasting import tables
from services.leads.part import Rows
from services.leads.quotes.events import OpportunityDescribed
from shared.merging import Merge
from shared.projection import Event

ESTIMATES = Merge(tables.estimates)
LINES = Merge(tables.estimate_lines)

KINDS = (
    LeadCaptured,
    LeadDescribed,
    LeadMoved,
    LeadAssigned,
    LeadWon,
    LeadLost,
    LeadReopened,
    LeadMerged,
    LeadUnmerged,
)
_UNSAID = {"priced": False, "dated": False, "owned": False, "chosen": False}


def estimate(event: Event) -> Rows:
    said = _said(event.body)
    if said:
        envelope = event.envelope
        named = {"lead": envelope.stream, "version": envelope.streamversion}
        yield "estimates", ESTIMATES.row(**named, at=envelope.happened, **_UNSAID | said)


def lines(event: Event) -> Rows:
    """One row of each line that has an amount, and one that there were none before it."""
    body, envelope = event.body, event.envelope
    assert isinstance(body, OpportunityDescribed)
    content, named = body.content, (body.lead, envelope.streamversion)
    yield "estimate_lines", (*named, 0, envelope.happened, None, None, None, None)
    priced = content.priced.lines if content.priced else ()
    for number, (line, price) in enumerate(zip(content.lines, priced, strict=False), 1):
        what = (line.sku, content.categories.get(line.sku), price.amount, content.currency)
        yield "estimate_lines", (*named, number, envelope.happened, *what)


def _said(body: object) -> dict[str, Any]:  # noqa: C901  (a table)
    match body:
        case LeadCaptured():
            return _captured(body)
        case LeadDescribed():
            return _described(body)
        case LeadMoved(stage=stage):
            return {"stage": stage}
        case LeadAssigned(owner=owner):
            return {"owned": True, "owner": owner}
        case LeadWon(amount=amount, currency=currency):
            return {"state": "won", "won_amount": amount, "won_currency": currency}
        case LeadLost():
            return {"state": "lost"}
        case LeadMerged():
            return {"state": "merged"}
        case LeadReopened(stage=stage):
            return {"state": "open", "stage": stage}
        case LeadUnmerged():
            return {"state": "open"}
        case _:
            return {}


def _described(body: LeadDescribed) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if body.amount is not UNSET or body.currency is not UNSET:
        found |= {"priced": True, "amount": body.amount, "currency": body.currency}
    if body.expected_close is not UNSET:
        found |= {"dated": True, "expected_close": body.expected_close}
    if body.product is not UNSET:
        found |= {"chosen": True, "product": body.product}
    return found


def _captured(body: LeadCaptured) -> dict[str, Any]:
    return {
        "pipeline": body.pipeline,
        "source": body.source,
        "stage": body.stage,
        "state": "open",
        "owned": True,
        "owner": body.owner,
        "priced": True,
        "amount": body.amount,
        "currency": body.currency,
        "chosen": True,
        "product": body.product,
    }
