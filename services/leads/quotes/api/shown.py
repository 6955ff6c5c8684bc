"""Opportunities and quotes as the API shows them, from their states; money in minor units."""

from typing import Any

from msgspec import Struct, to_builtins

from services.leads.decider.knowing import known as known_lead
from services.leads.quotes.decider.knowing import Written, known, status
from services.leads.quotes.events import Content, Version
from services.leads.quotes.states import (
    Accepted,
    Declined,
    Described,
    Expired,
    Known,
    Open,
    Opportunity,
    Ordered,
    Quote,
    Withdrawn,
)
from services.leads.states import Lead


def opportunity(lead: str, version: int, state: Opportunity, of: Lead) -> dict[str, Any]:
    """The commercial side of a lead, and what the lead itself has of it: that is what counts."""
    content = state.content if isinstance(state, Described) else Content()
    found = _whole(content)
    found["people"] = [_whole(each) for each in content.people]
    found["lines"] = [_whole(each) for each in content.lines]
    known_ = known_lead(of)
    names = ("amount", "currency", "expected_close", "product")
    return {
        "lead": lead,
        "version": version,
        "since": state.since if isinstance(state, Described) else None,
        **found,
        "of_lead": {
            "state": type(known_).__name__.lower(),
            **{name: getattr(known_.lead, name) for name in names},
        },
    }


def quote(id: str, version: int, state: Quote) -> dict[str, Any]:
    """A quote whole, with all its versions. Raises NotFound where there is none."""
    there = known(state)
    found = there.quote
    return {
        "id": id,
        "version": version,
        "number": found.number,
        "state": status(there),
        "lead": found.lead,
        "drafted": found.drafted,
        "latest": found.latest.version,
        "sent": there.sent if isinstance(there, Open) else None,
        **_end(there),
        "versions": [_version(id, found, each) for each in found.versions],
    }


def _version(id: str, found: Known, offer: Version) -> dict[str, Any]:
    return {
        **_whole(offer),
        "lines": [_whole(each) for each in offer.lines],
        "document": f"/v1/quotes/{id}/document?version={offer.version}",
        "sent": [_whole(each) for each in found.sendings if each.version == offer.version],
    }


def _end(state: Written) -> dict[str, Any]:
    nothing: dict[str, Any] = {"accepted": None, "order": None, "reason": None}
    match state:
        case Accepted(version=version, at=at, refused=refused):
            waits = {"state": "pending" if refused is None else "refused"}
            problem = {"problem": None if refused is None else _whole(refused)}
            return nothing | {
                "accepted": {"version": version, "at": at},
                "order": waits | problem,
            }
        case Ordered():
            placed = {name: getattr(state, name) for name in ("at", "source", "id", "position")}
            return nothing | {
                "accepted": {"version": state.version, "at": state.accepted},
                "order": {"state": "placed", **placed},
            }
        case Declined(reason=reason) | Withdrawn(reason=reason):
            return nothing | {"reason": reason}
        case Open() | Expired():
            return nothing


def _whole(found: Struct) -> dict[str, Any]:
    """All fields, also those that are as by default."""
    return {name: to_builtins(getattr(found, name)) for name in found.__struct_fields__}
