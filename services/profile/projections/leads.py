"""The leads of a customer, as the topic `leads` tells of them."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from services.profile import tables
from services.profile.inbound import LeadBody
from services.profile.projections.rows import Rows
from shared.literals import Row
from shared.merging import Merge, latest
from shared.projection import Event

LEADS = Merge(
    tables.leads,
    latest("begun", "subject", "pipeline", "captured"),
    latest("stood", "state", "won_amount", "won_currency"),
    latest("placed", "stage"),
    latest("titled", "title"),
    latest("priced", "amount", "currency"),
    latest("expected", "expected_close"),
    latest("owned", "owner"),
)

_STATES = {"reopened": "open", "unmerged": "open", "lost": "lost", "merged": "merged"}


def event_row(event: Event) -> Row:
    """The row by which an event about a lead is remembered."""
    envelope = event.envelope
    return (
        *(envelope.partitionkey, envelope.event, envelope.stream, envelope.streamversion),
        *(envelope.happened, envelope.recordedtime, envelope.type, envelope.source, envelope.id),
        *(envelope.ingestkey, envelope.actor, event.record.place.position()),
        str(envelope.data, "utf-8"),
    )


def lead(rows: Rows, event: Event, body: LeadBody) -> None:
    """What an event changes of its lead."""
    changed = _changed(event, body, event.envelope.streamversion)
    rows["leads"].append(LEADS.row(lead=event.envelope.stream, **changed))


def _changed(event: Event, body: LeadBody, version: int) -> Mapping[str, Any]:
    verb = event.envelope.type.removeprefix("lead.")
    match verb:
        case "captured":
            return _captured(event, body, version)
        case "described":
            return _described(body, version)
        case "assigned":
            return {"owned": version, "owner": body.owner}
        case "moved":
            return {"placed": version, "stage": body.stage}
        case "won":
            money = {"won_amount": _or_none(body.amount), "won_currency": _or_none(body.currency)}
            return {"stood": version, "state": "won"} | money
        case _:
            stood = {"stood": version, "state": _STATES[verb]}
            return stood | ({"placed": version, "stage": body.stage} if body.stage else {})


def _captured(event: Event, body: LeadBody, version: int) -> dict[str, Any]:
    groups = ("begun", "stood", "placed", "titled", "priced", "expected", "owned")
    return dict.fromkeys(groups, version) | {
        "subject": event.envelope.partitionkey,
        "pipeline": body.pipeline,
        "captured": event.envelope.happened,
        "state": "open",
        "stage": body.stage,
        "title": _or_none(body.title),
        "amount": _or_none(body.amount),
        "currency": _or_none(body.currency),
        "expected_close": None,
        "owner": body.owner,
    }


def _described(body: LeadBody, version: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if body.title is not UNSET:
        found |= {"titled": version, "title": body.title}
    if body.amount is not UNSET or body.currency is not UNSET:
        money = {"amount": _or_none(body.amount), "currency": _or_none(body.currency)}
        found |= {"priced": version} | money
    if body.expected_close is not UNSET:
        found |= {"expected": version, "expected_close": body.expected_close}
    return found


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value
