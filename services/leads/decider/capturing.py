"""How leads begin, and what further inquiries add."""

from collections.abc import Sequence
from typing import Any

from services.leads.bounds import MOST_FIELDS
from services.leads.commands import CaptureLead
from services.leads.decider.checks import Wrong, money, own_fields, refuse, text, whole
from services.leads.decider.knowing import open_lead, pipeline_of
from services.leads.decider.pipeline import in_use
from services.leads.events import (
    LeadAssigned,
    LeadCaptured,
    LeadDescribed,
    LeadEvent,
    LeadInquired,
)
from services.leads.states import Known, Lead, Unknown

LONGEST_SOURCE = 2_048


def capture(state: Lead, command: CaptureLead) -> Sequence[LeadEvent]:
    """A lead begins; where one is open, the inquiry joins it. Money is right or refused."""
    refuse(_wrong(command))
    if isinstance(state, Unknown):
        return [_begin(command)]
    return _join(open_lead(state), command)


def _begin(command: CaptureLead) -> LeadCaptured:
    pipeline = in_use(command.pipeline)
    return LeadCaptured(
        pipeline=pipeline.name,
        revision=pipeline.revision,
        stage=pipeline.stages[0].name,
        subject=command.subject,
        source=command.source,
        channel=command.channel,
        title=command.title,
        identifiers=command.identifiers,
        product=command.product,
        amount=command.amount,
        currency=command.currency,
        interaction=command.interaction,
        owner=command.owner,
        fields=dict(command.fields),
        at=command.at,
    )


def _join(lead: Known, command: CaptureLead) -> Sequence[LeadEvent]:
    pipeline_of(lead, command.pipeline)
    inquiry = LeadInquired(
        subject=command.subject,
        source=command.source,
        channel=command.channel,
        title=command.title,
        identifiers=command.identifiers,
        product=command.product,
        amount=command.amount,
        currency=command.currency,
        interaction=command.interaction,
        at=command.at,
    )
    found: list[LeadEvent] = [inquiry]
    if brought := _brought(lead, command):
        found.append(LeadDescribed(**brought, at=command.at))
    if lead.owner is None and command.owner is not None:
        found.append(LeadAssigned(command.owner, "with the inquiry", at=command.at))
    return found


def _brought(lead: Known, command: CaptureLead) -> dict[str, Any]:
    """What was not known yet: an inquiry takes nothing back."""
    found: dict[str, Any] = {}
    if lead.product is None and command.product is not None:
        found |= {"product": command.product}
    if lead.amount is None and command.amount is not None:
        found |= {"amount": command.amount, "currency": command.currency}
    lacking = sorted({*command.fields} - {*lead.fields})[: MOST_FIELDS - len(lead.fields)]
    fields = {name: command.fields[name] for name in lacking}
    return found | ({"fields": fields} if fields else {})


def _wrong(command: CaptureLead) -> Wrong:
    yield from text(command.subject, "/subject", 64)
    yield from text(command.source, "/source", LONGEST_SOURCE)
    yield from text(command.channel, "/channel", 64)
    yield from text(command.title, "/title")
    yield from text(command.product, "/product")
    yield from text(command.owner, "/owner")
    yield from money(command.amount, command.currency)
    yield from own_fields(command.fields)
    yield from whole(len(command.fields), "/fields", 0, MOST_FIELDS)


def begun(event: LeadCaptured) -> Known:
    """What is known of a lead that was just captured."""
    return Known(
        pipeline=event.pipeline,
        stage=event.stage,
        since=event.at,
        subject=event.subject,
        source=event.source,
        channel=event.channel,
        title=event.title,
        captured=event.at,
        identifiers=event.identifiers,
        product=event.product,
        amount=event.amount,
        currency=event.currency,
        owner=event.owner,
        fields=event.fields,
    )
