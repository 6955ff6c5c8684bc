"""What a partner is shown of an answer: only what is named here, and released to it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.leads.partners.events import Release

_OF_LEADS = (
    *("id", "version", "state", "pipeline", "stage", "since", "channel", "captured", "touched"),
    *("closed", "product", "amount", "currency", "expected_close", "owner", "inquiries", "won"),
    *("lost", "merged", "hot", "prequalified", "position"),
)
_OF_EVENTS = (
    *("at", "pipeline", "revision", "stage", "left", "channel", "product", "amount", "currency"),
    *("expected_close", "owner", "before", "into", "out_of", "lead", "competitor"),
)
_NOTED = ("text", "outcome", "place", "next_step", "reason")
_OF_RECORDS = (
    *("specversion", "id", "source", "type", "time", "recordedtime", "datacontenttype"),
    *("dataversion", "stream", "streamversion", "sequence", "actor"),
)
_OF_HISTORY = ("version", "type", "time", "recorded", "actor", "position")


def lead(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A lead, in a list or whole; where it came from only where the partner gave it."""
    found = only(given, _OF_LEADS)
    if given.get("source") == partner:
        found["source"] = partner
    return found | _of_customer(given, release)


def capture(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """What giving a lead answers: of one that it only joined, that is somebody else's, no more."""
    if partner in (given.get("owner"), given.get("source")):
        return lead(given, release, partner)
    return {"joined": True} | only(given, ("position",))


def leads(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A page of leads."""
    return {**given, "data": [lead(each, release, partner) for each in given["data"]]}


def board(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A board: counts, sums, and the leads in its columns."""
    columns = [leads(each, release, partner) for each in given["columns"]]
    return {**given, "columns": columns}


def history(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A page of what happened to a lead."""
    shown = [
        only(each, _OF_HISTORY) | {"data": event(each["type"], each["data"], release, partner)}
        for each in given["data"]
    ]
    return {**given, "data": shown}


def changes(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A page of the change feed."""
    return {**given, "data": [record(each, release, partner) for each in given["data"]]}


def record(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """An event as the change feed has it."""
    data = event(given["type"], given["data"], release, partner)
    return only(given, _OF_RECORDS) | {"data": data}


def event(type_: str, given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """What an event says; the reason for which a lead was lost is one of the pipeline's."""
    found = only(given, _OF_EVENTS)
    if given.get("source") == partner:
        found["source"] = partner
    if release.notes:
        found |= only(given, _NOTED)
    elif type_ == "lead.lost":
        found |= only(given, ("reason",))
    said = _of_customer(given, release)
    return found | {name: said[name] for name in said if name in given}


def score(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A score, and what its parts of each kind sum to: what they found is the customer's."""
    sums = {each["kind"]: 0.0 for each in given["parts"]}
    for each in given["parts"]:
        sums[each["kind"]] += each["points"]
    names = ("lead", "as_of", "known_at", "version", "score", "grade", "hot", "prequalified")
    parts = [{"kind": kind, "points": points} for kind, points in sorted(sums.items())]
    return only(given, names) | {"parts": parts}


def synced(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """What a device that was offline is told."""
    results = [
        problem(each) | {"present": lead(each["present"], release, partner)}
        if "present" in each
        else problem(each)
        for each in given["results"]
    ]
    return {"results": results, "changes": changes(given["changes"], release, partner)}


def problem(given: Mapping[str, Any]) -> dict[str, Any]:
    """Why something was refused, but not which lead of somebody else is in its way."""
    return {name: given[name] for name in given if name != "held_by"}


def whole(given: Any, release: Release, partner: str) -> Any:
    """An answer in which nothing of a customer stands."""
    return given


def _of_customer(given: Mapping[str, Any], release: Release) -> dict[str, Any]:
    fields = given.get("fields") or {}
    return {
        "title": given.get("title") if release.title else None,
        "fields": only(fields, release.fields),
        "identifiers": [
            only(each, ("kind", "namespace", "value"))
            for each in given.get("identifiers") or ()
            if each.get("kind") in release.identifiers
        ],
    }


def only(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What is named of it, where it is there."""
    return {name: given[name] for name in names if name in given}
