"""The words that an interaction is found by: those of its own text fields. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

from services.contact.inbound import Interaction

MOST = 20_000
"""Characters of an event that are searched: far from what PostgreSQL's text search can hold."""

_MOST_VALUES = 2_000
_TEXTS = frozenset(
    (
        *("subject", "title", "name", "text", "body", "comment", "query", "about", "reason"),
        *("note", "description", "summary", "event", "message", "question", "answer"),
    )
)
"""Names under which words stand in a payload of any form."""

_value = msgspec.json.Decoder()


def words_of(body: Interaction) -> str:
    """The words of an event in one line, at most 20,000 characters; '' where it has none."""
    texts: list[str] = []
    for raw in (
        *(body.subject, body.title, body.name, body.text, body.body, body.comment, body.query),
        *(body.about, body.reason, body.note, body.description, body.summary, body.event),
        *(body.fields, body.transcript, body.messages),
    ):
        if raw:
            value = _value.decode(raw)
            if type(value) is str:
                texts.append(value)
            elif type(value) in (dict, list):
                texts += _within(value, every=raw is body.fields)
    return " ".join(" ".join(texts).split())[:MOST] if texts else ""


def _within(value: Any, *, every: bool) -> Iterator[str]:
    """The texts in a payload, in its order: those under the names above, or every one."""
    left, seen = [("", value)], 0
    while left and seen < _MOST_VALUES:
        name, value = left.pop()
        seen += 1
        if type(value) is str:
            if every or name in _TEXTS:
                yield value
        elif type(value) is dict:
            left += reversed(value.items())
        elif type(value) is list:
            left += [(name, one) for one in reversed(value)]
