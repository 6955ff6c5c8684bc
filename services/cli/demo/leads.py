"""The leads of an education company (X Education lead scoring data set) as events. Pure.

The file has no dates: all that it tells of happens at one moment, which is given.
"""

import csv
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

FILE = "lead_scoring.csv"
SOURCE = "/demo/leads"
NAMESPACE = "x-education"

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


class Asked(NamedTuple):
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


def read() -> list[Asked]:
    """All rows, in the order of the file that travels with the project."""
    packed = files("services.cli.demo").joinpath("lead_scoring.csv.gz").read_bytes()
    rows = csv.reader(gzip.decompress(packed).decode("utf-8").splitlines())
    next(rows)
    return [_asked(number, row) for number, row in enumerate(rows, 1)]


def _asked(number: int, row: list[str]) -> Asked:
    id, origin, source, won, visits, *rest = row
    return Asked(number, id, origin, source, won == "1", int(visits or 0), *rest)


def source(asked: Asked) -> str:
    """Where the lead came from, as a source; spellings of one name are one source."""
    name = _NOT_IN_SOURCES.sub("-", asked.source.lower()).strip("-")
    return f"{SOURCE}/{name or 'unknown'}"


def events(asked: Asked, at: str) -> list[dict[str, Any]]:
    """The inquiry, a page for every visit, and the last activity, as ingest takes them."""
    pages = [
        _event(asked, at, f"visit-{number}", "page.viewed") for number in range(1, asked.visits + 1)
    ]
    last = ACTIVITIES.get(asked.activity)
    return [
        _inquiry(asked, at),
        *pages,
        *([_event(asked, at, "last", last)] if last else []),
    ]


def _inquiry(asked: Asked, at: str) -> dict[str, Any]:
    filled = {
        "row": asked.row,
        "origin": asked.origin,
        "country": asked.country,
        "occupation": asked.occupation,
    }
    fields = {name: value for name, value in filled.items() if value not in _UNKNOWN}
    if asked.origin in _FORMS:
        return _event(asked, at, "", "form.submitted", form=asked.origin, fields=fields)
    return _event(asked, at, "", "information.requested", fields=fields)


def _event(asked: Asked, at: str, part: str, type_: str, **data: Any) -> dict[str, Any]:
    named = {"kind": "crm", "namespace": NAMESPACE, "value": asked.id}
    return {
        "id": f"{FILE}:{asked.row}" + (f":{part}" if part else ""),
        "source": source(asked),
        "type": type_,
        "time": at,
        "data": {"channel": _CHANNELS.get(type_, "web"), "identifiers": [named], **data},
    }


def points(rules: Mapping[str, Any], types: Iterable[str]) -> int:
    """What events of these types score at the moment they happen, by rules for a type alone."""
    groups: dict[str, int] = defaultdict(int)
    found = Counter(types)
    for rule in rules["engagement"]:
        if not {"channel", "purpose", "product"} & rule.keys():
            groups[rule.get("group", "engagement")] += rule["points"] * found[rule["type"]]
    caps = rules.get("caps", {})
    total = sum(min(given, int(caps.get(group, given))) for group, given in groups.items())
    return min(total, int(rules.get("cap") or total))


def grade(rules: Mapping[str, Any], points: int) -> str:
    """The grade of so many points."""
    least = rules["thresholds"]
    return next((name.upper() for name in "abc" if points >= least[name]), "D")
