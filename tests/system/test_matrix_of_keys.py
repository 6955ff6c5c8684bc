"""Every kind of key against every operation of every service: nothing unexpected passes.

The operations come from the API descriptions, so that a new one cannot be forgotten: it fails here
until somebody says who may use it.
"""

import re
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from services.contact import keys
from services.contact.app import SERVICE as CONTACT
from services.contact.granting import Bounds
from services.contact.types import TYPES
from services.profile.app import SERVICE as PROFILE
from services.registry import SERVICES
from shared import database
from shared.auth import PUBLIC, SCOPES, new_secret
from shared.gateway import merged
from tests.contact.public import SECRET, claims, signed
from tests.system.running import System
from tests.waiting import until

DOCUMENT = merged([each.openapi() for each in SERVICES])
INGEST, ANY = ("ingest", PUBLIC), (*SCOPES, PUBLIC)

SEGMENT = "/v1/(identify|track|page|screen|group|alias|batch)"
WHO_MAY: list[tuple[str, str, tuple[str, ...]]] = [
    ("post", "/v1/events", INGEST),
    ("post", SEGMENT, INGEST),
    ("post", "/v1/beacon", (PUBLIC,)),
    ("get", "/v1/keys/self", ANY),
    ("get", "/v1/interactions.*", ("read",)),
    ("post", "/v1/interactions/search", ("read",)),
    ("(get|post)", "/v1/quarantine.*", ("ops",)),
    ("(get|put|delete)", "/v1/types.*", ("ops",)),
    ("post", "/v1/(mail|calls|chats)", INGEST),
    ("post", "/v1/customers/lookup", ("read",)),
    ("get", "/v1/(customers|duplicates|organisations).*", ("read",)),
    ("post", "/v1/identity-decisions", ("write",)),
    ("post", "/v1/key-disownments", ("ops",)),
    ("get", "/v1/(leads|boards|pipelines|routing|scoring).*", ("read",)),
    ("get", "/v1/(measures|goals|commissions|forecast).*", ("read",)),
    ("(put|post)", "/v1/(goals|commissions).*", ("ops", "write")),
    ("get", "/v1/(sequences|tactics|follow-ups|appointments|day|calendars).*", ("read",)),
    ("(put|delete)", "/v1/(sequences|tactics).*", ("ops", "write")),
    ("(post|delete)", "/v1/calendars.*", ("write",)),
    ("(post|patch)", "/v1/leads.*", ("write",)),
    ("(put|post|delete)", "/v1/(pipelines|routing|scoring).*", ("ops", "write")),
    ("post", "/v1/callers", ("read",)),
    ("get", "/v1/(partners|accounts).*", ("read",)),
    ("put", "/v1/partners/.*", ("ops", "write")),
    ("(put|post|delete)", "/v1/accounts.*", ("write",)),
    ("get", "/v1/(prospects|target-lists).*", ("read",)),
    ("(post|patch)", "/v1/prospects.*", ("write",)),
    ("put", "/v1/prospects/reactivation", ("ops", "write")),
    ("(put|post)", "/v1/target-lists/[^/]+(/close)?", ("ops", "write")),
    ("post", "/v1/target-lists/[^/]+/(fill|prospects|remove)", ("write",)),
    ("get", "/v1/(products|price-lists).*", ("read",)),
    ("(put|post)", "/v1/(products|price-lists).*", ("ops", "write")),
    ("put", "/v1/leads/[^/]+/opportunity", ("write",)),
    ("get", "/v1/quotes.*", ("read",)),
    ("post", "/v1/quotes.*", ("write",)),
    ("post", "/v1/prices", ("read",)),
]
"""Method, path and the scopes of which one is needed."""

EVERY_TYPE = [*TYPES, "com.example.unheard_of"]

OPEN = {("options", "/v1/events"), ("get", "/v1/calendars/{token}.ics")}
"""What needs no key: the web hooks' handshake; a calendar, whose URL is the secret."""


class Caller(NamedTuple):
    """A kind of key: what it sends, and the scope it should have, None where it has none."""

    headers: dict[str, str]
    scope: str | None


def operations() -> list[tuple[str, str]]:
    paths = DOCUMENT["paths"]
    return sorted((verb, path) for path, found in paths.items() for verb in found)


def allowed(verb: str, path: str) -> tuple[str, ...]:
    """The scopes of an operation."""
    found = [
        scopes
        for verbs, pattern, scopes in WHO_MAY
        if re.fullmatch(verbs, verb) and re.fullmatch(pattern, path)
    ]
    assert len(found) == 1, f"say in WHO_MAY who may {verb.upper()} {path}"
    return found[0]


@pytest.fixture(scope="module")
async def callers(system: System) -> dict[str, Caller]:
    """One of every kind: made, rotated and revoked before anybody asks."""
    url = database.service_url(system.settings["RAPPORT_DATABASE"], "contact")
    pool = await database.connect(url, size=2)
    try:
        made = {scope: Caller(_header(await _made(pool, scope)), scope) for scope in SCOPES}
        public = _header(await _made(pool, PUBLIC))
        made["public"] = Caller(public, PUBLIC)
        token = {"Identity-Token": signed(claims(f"the-{PUBLIC}"))}
        made["public with token"] = Caller(public | token, PUBLIC)
        for scope in ("ingest", "read"):
            made |= await _rotated(pool, scope)
        revoked = await _made(pool, "ops", "revoked")
        assert await keys.revoke(pool, "revoked")
        made["revoked"] = Caller(_header(revoked), None)
    finally:
        pool.terminate()
    made["unknown"] = Caller(_header(new_secret()), None)
    made["none"] = Caller({}, None)
    made["nonsense"] = Caller({"Authorization": "Bearer rk_nonsense"}, None)
    return made


async def _made(pool: database.Pool, scope: str, name: str | None = None) -> str:
    jwk = msgspec.json.encode(SECRET.as_dict(private=True)).decode()
    bounds = Bounds([*TYPES, "track"], token_key=jwk) if scope == PUBLIC else Bounds()
    name = name or f"the-{scope}"
    return await keys.create(
        pool, name, [scope], f"service:{name}", namespace="shop", bounds=bounds
    )


async def _rotated(pool: database.Pool, scope: str) -> dict[str, Caller]:
    """A key before and after a rotation, and one whose overlap is over."""
    old = await _made(pool, scope, f"rotated-{scope}")
    new = await keys.rotate(pool, f"rotated-{scope}", timedelta(hours=1))
    over = await _made(pool, scope, f"over-{scope}")
    assert await keys.rotate(pool, f"over-{scope}", timedelta())
    return {
        f"{scope}, rotated, old": Caller(_header(old), scope),
        f"{scope}, rotated, new": Caller(_header(str(new)), scope),
        f"{scope}, rotated, over": Caller(_header(over), None),
    }


def _header(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_of_every_operation_it_is_said_who_may_use_it() -> None:
    assert [allowed(*each) for each in operations() if each not in OPEN]


async def test_every_kind_of_key_opens_what_it_should_and_nothing_else(
    system: System, callers: dict[str, Caller]
) -> None:
    wrong = []
    async with httpx.AsyncClient(base_url=system.url, timeout=20.0) as client:
        for verb, path in operations():
            if (verb, path) in OPEN:
                continue
            scopes = allowed(verb, path)
            for name, caller in callers.items():
                status = await _status(client, verb, path, caller.headers)
                if not _is_right(status, caller.scope, scopes):
                    wrong.append((name, verb, path, status))
    assert wrong == []


async def _status(client: httpx.AsyncClient, verb: str, path: str, headers: dict[str, str]) -> int:
    """What is answered to the example of the description."""
    operation = DOCUMENT["paths"][path][verb]
    target = re.sub(r"\{.*?\}", "5b2f0b0e-5a55-8c1d-9f0a-2d6f3a1c7e42", path)
    content = _example(operation)
    fields = headers | ({"Content-Type": "application/json"} if content else {})
    if path == "/v1/beacon" and content:
        content.pop("key")
    body = msgspec.json.encode(content) if content else None
    answer = await client.request(verb.upper(), target, content=body, headers=fields)
    return answer.status_code


def _example(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = [each["value"] for each in content.get("examples", {}).values()]
    found = content.get("example", examples[0] if examples else {})
    return msgspec.json.decode(msgspec.json.encode(found))


def _is_right(status: int, scope: str | None, scopes: tuple[str, ...]) -> bool:
    if scope is None:
        return status == 401
    if scope not in scopes:
        return status == 403
    return status not in (401, 403) and status < 500


async def test_what_is_known_of_customers_is_closed_to_partners(system: System) -> None:
    url = database.service_url(system.settings["RAPPORT_DATABASE"], "contact")
    pool = await database.connect(url, size=1)
    try:
        secret = await keys.create(pool, "partner-12", [*SCOPES], "partner:12", namespace="shop")
    finally:
        pool.terminate()
    closed = {path for each in (CONTACT, PROFILE) for path in each.openapi()["paths"]}  # type: ignore[attr-defined]
    found = []
    async with httpx.AsyncClient(base_url=system.url, timeout=20.0) as client:

        async def is_known() -> bool:
            return await _status(client, "get", "/v1/keys/self", _header(secret)) == 200

        await until(is_known)
        for verb, path in operations():
            if path in closed and (verb, path) not in OPEN:
                status = await _status(client, verb, path, _header(secret))
                is_open = "ingest" in allowed(verb, path)  # who it is, and what it sends
                found.append((verb, path, status))
                assert (status == 403) == (not is_open), (verb, path, status)
    assert len(found) > 30


async def test_a_public_key_sends_no_type_that_it_does_not_name(
    system: System, callers: dict[str, Caller]
) -> None:
    async with httpx.AsyncClient(base_url=system.url, timeout=20.0) as client:
        for name, foreign in (("ingest", True), ("public", False), ("public with token", False)):
            events = [{"type": each} for each in EVERY_TYPE]
            answer = await client.post("/v1/events", json=events, headers=callers[name].headers)
            codes = {
                type_: result.get("code")
                for type_, result in zip(EVERY_TYPE, answer.json()["results"], strict=True)
            }
            unheard = codes.pop("com.example.unheard_of")
            assert unheard == (None if foreign else "not_allowed"), name
            assert "not_allowed" not in codes.values(), name
