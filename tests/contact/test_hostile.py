"""Hostile JSON through every dialect: let in and read back equal, or kept byte for byte; no 500."""

import asyncio
import base64
import json
import math
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from services.contact.faults import MAX_DEPTH
from services.contact.reading import MAX_BODY, MAX_EVENT, split
from services.contact.segment.requests import MAX_CALL
from tests.contact.answering import Contact
from tests.contact.hostile import SPOILS, VALUES

AT_ONCE = 16
MOST_DIGITS = 4300
"""Characters of an integer; Python's own bound."""

LETTERS = "bcdghjkmpqrsvwyz"
JSON = {"Content-Type": "application/json"}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}

REFUSED = object()
Meaning = Callable[[Any], Any]


class Spoken(NamedTuple):
    """A dialect: the document of a case, the body around it, and what is to be read back.

    `meant` is the payload in a document that is let in, REFUSED where there is none; `kept`
    the payload in a record.
    """

    path: str
    headers: Callable[[str], Mapping[str, str]]
    document: Callable[[str, bytes], bytes]
    meant: Meaning
    kept: Meaning
    largest: int
    depth: int = MAX_DEPTH
    around: Callable[[list[bytes]], bytes] | None = None
    good: Callable[[str], bytes] = lambda id: b""


# Our own events


def _native(id: str, value: bytes) -> bytes:
    return b'{"id":"%s","type":"hostile.case","data":{"x":%s}}' % (id.encode(), value)


def _event(id: str, value: bytes) -> bytes:
    return b'{"specversion":"1.0","source":"/x",' + _native(id, value)[1:]


def _payload(document: Any) -> Any:
    """The data of an event of ours that is let in."""
    if not isinstance(document, dict) or document.keys() - {"id", "type", "data"}:
        return REFUSED
    right = isinstance(document.get("type"), str) and isinstance(document.get("data"), dict)
    return document["data"] if right else REFUSED


def _event_payload(document: Any) -> Any:
    if not isinstance(document, dict) or document.get("specversion") != "1.0":
        return REFUSED
    rest = {name: document[name] for name in document if name not in ("specversion", "source")}
    return _payload(rest)


def _body(record: Any) -> Any:
    """The payload as it is given back: whole, or without what the envelope adds."""
    data = {name: value for name, value in record["data"].items() if name != "content_type"}
    if "body" in data:
        return data["body"]
    return {name: value for name, value in data.items() if name not in ("direction", "identifiers")}


def _array(pieces: list[bytes]) -> bytes:
    return b"[" + b",".join(pieces) + b"]"


# Segment's calls


def _call(id: str, value: bytes) -> bytes:
    return b'{"messageId":"%s","userId":"u","event":"Hostile","properties":{"x":%s}}' % (
        id.encode(),
        value,
    )


def _item(id: str, value: bytes) -> bytes:
    return b'{"type":"track",' + _call(id, value)[1:]


def _properties(document: Any) -> Any:
    if not isinstance(document, dict) or not document.get("userId") or not document.get("event"):
        return REFUSED
    return document["properties"]


def _item_properties(document: Any) -> Any:
    if not isinstance(document, dict) or document.get("type") != "track":
        return REFUSED
    return _properties(document)


def _calls(pieces: list[bytes]) -> bytes:
    return b'{"batch":' + _array(pieces) + b"}"


def _said(record: Any) -> Any:
    return record["data"]["body"]["properties"]


# Call records and chat transcripts


def _record(id: str, value: bytes) -> bytes:
    return b'{"id":"%s","from":"+4930123456","x":%s}' % (id.encode(), value)


def _recorded(document: Any) -> Any:
    if not isinstance(document, dict) or not document.get("from"):
        return REFUSED
    return document["x"]


def _transcript(pieces: list[bytes]) -> bytes:
    return b'{"id":"t","messages":' + _array(pieces) + b"}"


def _x(record: Any) -> Any:
    return record["data"]["body"]["x"]


def _binary(id: str) -> Mapping[str, str]:
    named = {"ce-id": id, "ce-source": "/x", "ce-type": "hostile.case", "ce-specversion": "1.0"}
    return JSON | named


SPOKEN: dict[str, Spoken] = {
    "native": Spoken("/v1/events", lambda _: JSON, _native, _payload, _body, MAX_EVENT),
    "array": Spoken(
        *("/v1/events", lambda _: JSON, _native, _payload, _body, MAX_EVENT),
        around=_array,
        good=lambda id: _native(id, b"1"),
    ),
    "structured": Spoken(
        "/v1/events", lambda _: STRUCTURED, _event, _event_payload, _body, MAX_EVENT
    ),
    "batch": Spoken(
        *("/v1/events", lambda _: BATCH, _event, _event_payload, _body, MAX_EVENT),
        around=_array,
        good=lambda id: _event(id, b"1"),
    ),
    "binary": Spoken(
        *("/v1/events", _binary, lambda _, value: b'{"x":%s}' % value, lambda found: found),
        *(_body, MAX_EVENT, MAX_DEPTH - 1),
    ),
    "call": Spoken("/v1/track", lambda _: JSON, _call, _properties, _said, MAX_CALL),
    "calls": Spoken(
        *("/v1/batch", lambda _: JSON, _item, _item_properties, _said, MAX_CALL),
        around=_calls,
        good=lambda id: _item(id, b"1"),
    ),
    "record": Spoken("/v1/calls", lambda _: JSON, _record, _recorded, _x, MAX_EVENT),
    "records": Spoken(
        *("/v1/calls", lambda _: JSON, _record, _recorded, _x, MAX_EVENT),
        around=_array,
        good=lambda id: _record(id, b"1"),
    ),
    "transcript": Spoken(
        *("/v1/chats", lambda _: JSON, _record, _recorded, _x, MAX_EVENT),
        around=_transcript,
        good=lambda id: _record(id, b"1"),
    ),
}


def _message(id: str, value: bytes) -> bytes:
    """Mail with a value for its text: no JSON, and so not among those that JSON speaks of."""
    return b"Message-ID: <%s>\r\nFrom: Jane <jane@example.com>\r\n\r\n%s" % (id.encode(), value)


def _headed(id: str, value: bytes) -> bytes:
    return b"Subject: %s\r\nX-Said: %s\r\n%s" % (value, value, _message(id, b"Hello"))


MAIL: dict[str, Callable[[str, bytes], bytes]] = {"text": _message, "headers": _headed}


class Case(NamedTuple):
    """One request."""

    id: str
    document: bytes
    body: bytes
    neighbours: tuple[str, ...]


def cases(spoken: Spoken) -> Iterator[Case]:
    """Every value in a document, and every spoilt document."""
    ids = ("".join(LETTERS[int(digit, 16)] for digit in f"{n:04x}") for n in count())
    for value in VALUES:
        id = next(ids)
        yield _case(spoken, id, spoken.document(id, value))
    for spoil in SPOILS:
        id = next(ids)
        yield _case(spoken, id, spoil(spoken.document(id, b"1")))


def _case(spoken: Spoken, id: str, document: bytes) -> Case:
    if spoken.around is None:
        return Case(id, document, document, ())
    neighbours = (f"{id}-first", f"{id}-last")
    first, last = (spoken.good(each) for each in neighbours)
    return Case(id, document, spoken.around([first, document, last]), neighbours)


# What must become of it


class _Wrong(ValueError):
    """JSON allows it, or Python reads it, and no database keeps it."""


def _constant(word: str) -> None:
    raise _Wrong(word)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Wrong(text)
    return number


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise _Wrong(text[:20])
    return int(text)


def _is_right(value: Any, depth: int) -> bool:
    """Whether nothing is too deep, and no text has what cannot be kept."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        parts: list[Any] = [*value.values(), *value.keys()]
    elif isinstance(value, list):
        parts = value
    else:
        return True
    return depth > 0 and all(_is_right(part, depth - 1) for part in parts)


def meaning(spoken: Spoken, document: bytes) -> Any:
    """The payload in a document by Python's own reader, or REFUSED."""
    if len(document.strip()) > spoken.largest:
        return REFUSED
    if not document and spoken is SPOKEN["binary"]:
        return {}  # no payload
    try:
        value = json.loads(
            document.decode(), parse_constant=_constant, parse_float=_float, parse_int=_integer
        )
    except (ValueError, RecursionError):
        return REFUSED
    return spoken.meant(value) if _is_right(value, spoken.depth) else REFUSED


def parts(spoken: Spoken, document: bytes) -> list[bytes]:
    """What stands between commas where a document is spoilt by one; a lone array's one item."""
    found = [document, document.strip(b" \n,")]
    if spoken.around is not None:
        found.append(document[: len(document) // 2])
    elif document[:1] == b"[" and document[-1:] == b"]":
        found.append(document[1:-1])
    return found


def exactly(value: Any) -> str:
    """A text that tells 1 from 1.0, and 0 from -0.0."""
    return "" if value is REFUSED else json.dumps(value, sort_keys=True)


async def everything(
    live: Contact, before: Mapping[tuple[str, int], int], name: str
) -> list[dict[str, Any]]:
    """What came to a topic since then."""
    found: list[dict[str, Any]] = []
    for place, end in (await live.ends()).items():
        number = end - before[place]
        if place[0] == live.site.topics[name] and number:
            records = await live.site.log.read(*place, before[place], number, wait=60.0)
            assert len(records) == number
            found += [msgspec.json.decode(one.value) for one in records]
    return found


@pytest.mark.parametrize("name", SPOKEN)
async def test_hostile_json_is_let_in_as_it_is_or_kept_byte_for_byte(
    live: Contact, name: str
) -> None:
    spoken, before = SPOKEN[name], await live.ends()
    sent = list(cases(spoken))
    assert len(sent) >= 300
    answers = await post_all(live, spoken, sent)
    assert [case for case in sent if answers[case.id].status_code >= 500] == []
    accepted = {
        one["id"].rpartition("/")[2]: one for one in await everything(live, before, "interactions")
    }
    kept = Tally(
        base64.b64decode(one["data"]["bytes"])
        for one in await everything(live, before, "quarantine")
    )
    for case in sent:
        expected = [meaning(spoken, part) for part in parts(spoken, case.document)]
        record = accepted.pop(case.id, None)
        is_whole = bool(case.neighbours and kept[case.body])
        if record is None:
            assert expected[0] is REFUSED or is_whole, (case, answers[case.id].text)
            _take(kept, spoken, case)
        else:
            assert exactly(spoken.kept(record)) in map(exactly, expected), case
        for neighbour in case.neighbours:
            assert (accepted.pop(neighbour, None) is None) == is_whole, case
    assert accepted == {}
    del kept[b""]  # between two commas
    assert set(kept.values()) <= {0}


@pytest.mark.parametrize("place", MAIL)
async def test_hostile_mail_is_let_in_as_it_is_or_kept_byte_for_byte(
    live: Contact, place: str
) -> None:
    media = {"Content-Type": "message/rfc822"}
    spoken = Spoken("/v1/mail", lambda _: media, MAIL[place], lambda found: found, _body, MAX_BODY)
    before, sent = await live.ends(), list(cases(spoken))
    answers = await post_all(live, spoken, sent)
    accepted = {
        (one["id"], one["data"]["size"]): one["data"]  # those without Message-ID may be equal
        for one in await everything(live, before, "interactions")
    }
    kept = Tally(
        base64.b64decode(one["data"]["bytes"])
        for one in await everything(live, before, "quarantine")
    )
    for case in sent:
        answer = answers[case.id]
        if answer.status_code == 202:
            data = accepted[answer.json()["id"], len(case.body)]
            value = case.body.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
            if value.isascii() and value.isprintable() and not data.get("cut"):
                assert data["text"].strip() == value.strip(), case
        else:
            assert answer.status_code in (400, 422), (case, answer.text)
            kept[case.body] -= bool(case.body)
    assert len(accepted) > len(VALUES)
    assert sum(kept.values()) == 0
    assert set(kept.values()) <= {0}


async def post_all(live: Contact, spoken: Spoken, sent: list[Case]) -> dict[str, httpx.Response]:
    """The answer to each case."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def post(case: Case) -> httpx.Response:
        headers = {**live.headers("ingest"), **spoken.headers(case.id)}
        async with turns:
            return await live.client.post(spoken.path, content=case.body, headers=headers)

    answers = await asyncio.gather(*(post(case) for case in sent))
    return {case.id: answer for case, answer in zip(sent, answers, strict=True)}


def _take(kept: Tally[bytes], spoken: Spoken, case: Case) -> None:
    """What was refused is kept: the document, else the whole body."""
    for raw in (case.body, *parts(spoken, case.document.strip())):
        if kept[raw]:
            kept[raw] -= 1
            return
    if case.body:  # an array in itself, of which each item is kept
        kept.subtract(split(case.body))
