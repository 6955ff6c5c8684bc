"""What a partner is shown of quotes and follow-ups of the leads that it sees. Pure.

Of a quote what is offered, and what it comes to: the prices of single lines are those of a list
that may be another than the partner's. What people wrote freely is shown where notes are released.
"""

from collections.abc import Mapping
from typing import Any

from services.leads.partners.events import Release
from services.leads.partners.releasing import only

_OF_QUOTES = (
    *("id", "version", "number", "state", "lead", "owner", "drafted", "latest", "amount"),
    *("currency", "valid_until", "sent_version", "sent", "channel", "accepted", "closed"),
    *("ordering", "ordered", "touched"),
)
_OF_STEPS = (
    *("lead", "step", "state", "pipeline", "owner", "sequence", "version", "id", "title", "kind"),
    *("since", "due", "overdue", "postponed", "settled", "until", "completed_by", "at", "by"),
    "type",
)
_OF_APPOINTMENTS = ("appointment", "from", "to")


def quotes(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A page of quotes."""
    return {**given, "data": [_quote(each, release) for each in given["data"]]}


def quote(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A quote whole, with all its versions; neither where it goes to nor which order it became."""
    versions = [_version(each, release) for each in given["versions"]]
    return _quote(given, release) | {"versions": versions}


def _quote(given: Mapping[str, Any], release: Release) -> dict[str, Any]:
    return only(given, _OF_QUOTES) | only(given, ("reason",) if release.notes else ())


def _version(given: Mapping[str, Any], release: Release) -> dict[str, Any]:
    found = only(given, ("version", "valid_until", "language"))
    found["lines"] = [only(each, ("sku", "quantity")) for each in given["lines"]]
    found["priced"] = only(given["priced"], ("total", "currency", "day"))
    found["sent"] = [only(each, ("version", "at", "channel")) for each in given["sent"]]
    return found | only(given, ("terms",) if release.notes else ())


def steps(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """A page of what there is to do."""
    return {**given, "data": [_step(each, release) for each in given["data"]]}


def follow_ups(given: Mapping[str, Any], release: Release, partner: str) -> dict[str, Any]:
    """What there is to do for a lead, and what is over."""
    found = only(given, ("lead", "version"))
    for name in ("steps", "settled"):
        found[name] = [_step(each, release) for each in given[name]]
    written = ("title", "place") if release.notes else ()
    found["appointments"] = [
        only(each, (*_OF_APPOINTMENTS, *written)) for each in given["appointments"]
    ]
    return found


def _step(given: Mapping[str, Any], release: Release) -> dict[str, Any]:
    """Its title is the playbook's; what it is about is the lead's."""
    written = ("reason",) if release.notes else ()
    about = ("about",) if release.title else ()
    return only(given, (*_OF_STEPS, *written, *about))
