"""Whatever is sent to an operation of leads, in any place of it: a problem that says so, no 5xx."""

import copy
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, partial
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from services.leads.accounts.decider import account_of
from services.leads.api.examples import LEAD
from services.leads.app import SERVICE
from shared.clock import now, rfc3339
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import send
from tests.leads.told import five, number

SOME = 41
"""Of so many requests one is sent: another one of every place, as places have fewer values."""

LONG = "x" * 5_000
TEXTS = (
    *("", " ", "\0", "a\0b", "é\u0301\u202e", "\r\nX: y", "'; --", "%", "{}", "null", "NaN", "-0"),
    *(
        "1e400",
        "9" * 400,
        str(10**30),
        "-1",
        LONG,
        "2026-02-30",
        "9999-12-31T23:59:59.999999-23:59",
    ),
    *("0001-01-01T00:00:00+23:59", "٣", "00000000-0000-0000-0000-00000000000g", "\U0001f600"),
    *("{0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d}", "urn:uuid:0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"),
    *(
        "leads.events/0/" + "9" * 30,
        "leads.events/99999999999999999999/1",
        "leads.1/3/1",
        "x/-1/-1",
    ),
)
VALUES: tuple[Any, ...] = (
    *(*TEXTS, "\ud800", "a\udfffb", None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, 1e308),
    *(float("nan"), float("inf"), [], {}, [[]], {"\0": "\0"}, {"\ud800": "\ud800"}, [None], ["\0"]),
)


THERE = {
    "id": number(1),
    "account": account_of("crm", "acme"),
    "step": "1",
    **dict.fromkeys(("person", "appointment", "calendar", "subject"), number(2)),
}
"""What stands for a name in a path, mostly something that is there."""


class Request(NamedTuple):
    """What is sent, and in which place it is hostile."""

    verb: str
    path: str
    query: str = ""
    body: Callable[[], bytes] | None = None


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        await five(leads)
        for path in ("/v1/accounts", "/v1/target-lists/sales"):
            operation = documented()["paths"][path.replace("sales", "{name}")]["put"]
            made = await send(leads, path, example(operation), method="PUT")
            assert made.status_code == 200, made.text
        await leads.settle()
        yield leads


@cache
def documented() -> Any:
    return SERVICE.openapi()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in documented()["paths"].items():
        for verb, operation in verbs.items():
            yield verb, path, operation


def example(operation: dict[str, Any]) -> Any:
    """The body that is shown as an example; None where none is taken."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    schemas = documented()["components"]["schemas"]
    found = content.get("example") or (schemas[name].get("examples") if name else None)
    text = json.dumps(found[0] if isinstance(found, list) else found)
    made = json.loads(text.replace(LEAD["id"], number(1)))
    return made | {"after": "latest"} if "device" in made else made


def filled(path: str, operation: dict[str, Any], **hostile: str) -> str:
    """A path with ids of what is there, or with what is hostile in them."""
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            name = each["name"]
            value = hostile.get(name) or THERE.get(name, "sales")
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


def names(operation: dict[str, Any], where: str) -> list[str]:
    return [each["name"] for each in operation.get("parameters", ()) if each["in"] == where]


def asked(verb: str, path: str, operation: dict[str, Any]) -> Iterator[Request]:
    """Every parameter with every text."""
    body = example(operation)
    sent = None if body is None else partial(encoded, body)
    for name in names(operation, "path"):
        for text in TEXTS:
            if text:
                yield Request(verb, filled(path, operation, **{name: text}), body=sent)
    if verb == "get":
        for name in names(operation, "query"):
            for text in TEXTS:
                query = f"{quote(name)}={quote(text)}"
                yield Request(verb, filled(path, operation), query)
                yield Request(verb, filled(path, operation), f"{query}&{query}")
        yield Request(verb, filled(path, operation), "%00=%00&%ff=%ff&filter[x][eq]=1")


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for name, value in items:
            yield from places(value, (*at, name))


def encoded(document: Any, at: tuple[Any, ...] = (), value: Any = None) -> bytes:
    """A document as JSON, with a value at one place; the document as it is without."""
    made = copy.deepcopy(document)
    if not at:
        return json.dumps(made).encode()
    within = made
    for part in at[:-1]:
        within = within[part]
    within[at[-1]] = value
    return json.dumps(made).encode()


def told(verb: str, path: str, operation: dict[str, Any]) -> Iterator[Request]:
    """Every place of a body with every value, and a name that is none."""
    body = example(operation)
    if body is None:
        return
    target = filled(path, operation)
    for value in VALUES:
        yield Request(verb, target, body=partial(encoded, value))
    for at in places(body):
        for value in VALUES if at else ():
            yield Request(verb, target, body=partial(encoded, body, at, value))
    for name in ("\ud800", "\0", LONG):
        yield Request(verb, target, body=partial(encoded, body, (name,), 1))
    for raw in (b"", b"\xff", b"\xef\xbb\xbf{}", b"[" * 2_000, b'{"a":' + b"9" * 5_000 + b"}"):
        yield Request(verb, target, body=partial(bytes, raw))


def everything() -> Iterator[Request]:
    for verb, path, operation in operations():
        yield from asked(verb, path, operation)
        yield from told(verb, path, operation)


async def sent(leads: Leads, one: Request) -> httpx.Response:
    """The answer; to a command, for the version that stands."""
    answer = await sent_for(leads, one, "1")
    stands = re.search(r"Version (\d+) stands", answer.text) if answer.status_code == 412 else None
    return await sent_for(leads, one, stands[1]) if stands else answer


async def sent_for(leads: Leads, one: Request, version: str) -> httpx.Response:
    headers = {**leads.headers("service:app"), "If-Match": f'"{version}"'}
    if one.body is not None:
        headers["Content-Type"] = "application/json"
    content = one.body() if one.body else None
    url = f"{one.path}?{one.query}" if one.query else one.path
    return await leads.client.request(one.verb, url, headers=headers, content=content)


async def answered(leads: Leads, one: Request) -> str:
    """What is wrong with the answer; empty text where nothing is."""
    try:
        answer = await sent(leads, one)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    if answer.status_code < 500 or answer.json().get("code") in ("not_yet", "no_neighbour"):
        return ""
    return f"{answer.status_code} {answer.text[:200]}"


async def test_no_value_in_any_place_comes_to_a_5xx(leads: Leads) -> None:
    wrong: list[str] = []
    for one in islice(everything(), 0, None, SOME):
        found = await answered(leads, one)
        if found:
            wrong.append(
                f"{one.verb} {one.path}?{one.query} {one.body and one.body()[:300]!r}: {found}"
            )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("one", "pointer"),
    [
        (Request("get", "/v1/leads", "min_position=leads.events/0/9" + "9" * 29), "min_position"),
        (Request("get", "/v1/leads", "min_position=leads.events/99999999999/1"), "min_position"),
        (Request("get", "/v1/tactics/a%00b/leads"), "name"),
        (Request("put", "/v1/scoring", "", partial(encoded, {"fit": "\ud800"})), "/fit"),
    ],
)
async def test_a_value_that_came_to_a_500_is_refused(
    leads: Leads, one: Request, pointer: str
) -> None:
    answer = await sent(leads, one)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].endswith(pointer)


@pytest.mark.parametrize("name", ["id", "lead", "kind", "body", "more"])
@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 1}, {"\0": "\ud800"}, [LONG]])
async def test_what_is_wrong_with_one_command_of_a_device_hurts_no_other(
    leads: Leads, name: str, value: Any
) -> None:
    right = {"id": "1", "lead": number(1), "kind": "note", "body": {"text": "Called."}}
    right["made"] = rfc3339(now())
    wrong = {**right, "id": "2", name: value}
    body = {"device": "tablet", "commands": [wrong, right]}
    one = Request("post", "/v1/leads/sync", body=partial(encoded, body))
    answer = await sent(leads, one)
    assert answer.status_code == 200, answer.text
    assert [each["status"] for each in answer.json()["results"]] == [422, 200]
    assert len(answer.content) < 5_000
