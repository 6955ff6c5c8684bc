"""The leads of an education company (X Education lead scoring data set) as events. Pure.

The file has no dates: all that it tells of happened at one moment, `AT`.
"""

import csv
import gzip
import re
from importlib.resources import files
from typing import Any, NamedTuple

FILE = "lead_scoring.csv"
SOURCE = "/demo/leads"
NAMESPACE = "x-education"
AT = "2026-01-01T00:00:00Z"

_FORMS = frozenset({"Landing Page Submission", "Lead Add Form", "Quick Add Form"})
_UNKNOWN = frozenset({"", "Select", "unknown"})
_NOT_IN_SOURCES = re.compile(r"[^a-z0-9]+")

ACTIVITIES = {
    "Email Opened": "email.opened",
    "Email Link Clicked": "email.clicked",
    "View in browser link Clicked": "email.clicked",
    "Email Bounced": "email.bounced",
    "Email Marked Spam": "email.complained",
    "Email Received": "email.received",
    "SMS Sent": "message.sent",
    "Olark Chat Conversation": "message.received",
    "Page Visited on Website": "page.viewed",
}
"""The last activity of a row as a type of event; of the others the file says too little."""

_CHANNELS = {"message.sent": "mobile", "message.received": "chat"}


class Prospect(NamedTuple):
    """One row: who asked, where and how, what was seen of them, and whether they bought."""

    row: int
    id: str
    origin: str
    source: str
    won: bool
    visits: int
    activity: str
    country: str
    occupation: str


def read() -> list[Prospect]:
    """All rows, in the order of the file that travels with the project."""
    packed = files("services.cli.demo").joinpath("lead_scoring.csv.gz").read_bytes()
    rows = csv.reader(gzip.decompress(packed).decode("utf-8").splitlines())
    next(rows)
    return [_prospect(number, row) for number, row in enumerate(rows, 1)]


def _prospect(number: int, row: list[str]) -> Prospect:
    id, origin, source, won, visits, *rest = row
    return Prospect(number, id, origin, source, won == "1", int(visits or 0), *rest)


def source(prospect: Prospect) -> str:
    """Where the lead came from, as a source; spellings of one name are one source."""
    name = _NOT_IN_SOURCES.sub("-", prospect.source.lower()).strip("-")
    return f"{SOURCE}/{name or 'unknown'}"


def events(prospect: Prospect) -> list[dict[str, Any]]:
    """The inquiry, a page for every visit, and the last activity, as ingest takes them."""
    pages = [
        _event(prospect, f"visit-{number}", "page.viewed")
        for number in range(1, prospect.visits + 1)
    ]
    last = ACTIVITIES.get(prospect.activity)
    return [
        _inquiry(prospect),
        *pages,
        *([_event(prospect, "last", last)] if last else []),
    ]


def _inquiry(prospect: Prospect) -> dict[str, Any]:
    filled = {
        "origin": prospect.origin,
        "country": prospect.country,
        "occupation": prospect.occupation,
    }
    fields = {name: value for name, value in filled.items() if value not in _UNKNOWN}
    if prospect.origin in _FORMS:
        return _event(prospect, "", "form.submitted", form=prospect.origin, fields=fields)
    return _event(prospect, "", "information.requested", fields=fields)


def _event(prospect: Prospect, part: str, type_: str, **data: Any) -> dict[str, Any]:
    named = {"kind": "crm", "namespace": NAMESPACE, "value": prospect.id}
    return {
        "id": f"{FILE}:{prospect.row}" + (f":{part}" if part else ""),
        "source": source(prospect),
        "type": type_,
        "time": AT,
        "data": {"channel": _CHANNELS.get(type_, "web"), "identifiers": [named], **data},
    }
