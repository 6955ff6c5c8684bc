"""Which fields the events of a type have, as seen in some of them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from services.contact.declared.schema import OURS

DEEPEST = 3
MOST = 200
"""Places that are listed; what comes beyond them is counted in `more`."""


def fields(records: Iterable[str]) -> dict[str, Any]:
    """The places in `data`, each with the JSON types seen there and in how many events.

    Items of lists stand under `/-`: JSON pointers have no word for "each".
    """
    seen: Counter[str] = Counter()
    kinds: dict[str, set[str]] = defaultdict(set)
    events, more = 0, 0
    for record in records:
        events += 1
        data = msgspec.json.decode(record, type=dict[str, Any])["data"]
        found: dict[str, set[str]] = defaultdict(set)
        for name, value in data.items():
            if name not in OURS:
                _walk(found, f"/{_escape(name)}", value, 1)
        for place, types in found.items():
            if place not in seen and len(seen) >= MOST:
                more += 1
                continue
            seen[place] += 1
            kinds[place] |= types
    listed = [
        {"field": place, "types": sorted(kinds[place]), "events": n}
        for place, n in sorted(seen.items())
    ]
    return {"events": events, "fields": listed, "more": more}


def _walk(found: dict[str, set[str]], place: str, value: Any, depth: int) -> None:
    found[place].add(_KINDS[type(value)])
    if depth == DEEPEST:
        return
    if type(value) is dict:
        for name, inner in value.items():
            _walk(found, f"{place}/{_escape(name)}", inner, depth + 1)
    elif type(value) is list:
        for inner in value:
            _walk(found, f"{place}/-", inner, depth + 1)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_KINDS = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
