"""Pages of other origins: the exact requests that browsers make, and what they are answered."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import PlainTextResponse

from shared.browsers import MAX_AGE, for_origins
from shared.settings import Settings

SHOP = "https://shop.example"
PREFLIGHT = {
    "Origin": SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,identity-token",
}


def client_of(origins: str) -> httpx.AsyncClient:
    inside = PlainTextResponse("inside", headers={"Allow": "POST"})
    app = for_origins(inside, Settings(origins=origins))  # type: ignore[call-arg]
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(f"{SHOP}, http://localhost:3000") as client:
        yield client


async def test_a_preflight_of_an_allowed_origin_is_answered_and_kept(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.options("/v1/events", headers=PREFLIGHT)
    assert (answer.status_code, answer.content) == (204, b"")
    fields = answer.headers
    assert fields["access-control-allow-origin"] == SHOP
    assert fields["access-control-max-age"] == str(MAX_AGE)
    assert fields["access-control-allow-headers"] == "authorization,content-type,identity-token"
    assert "POST" in fields["access-control-allow-methods"].split(", ")
    assert fields["vary"] == "Origin"
    assert "access-control-allow-credentials" not in fields


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", SHOP + ".evil.example", "http://shop.example"]
)
async def test_pages_of_other_origins_are_told_nothing(
    client: httpx.AsyncClient, origin: str
) -> None:
    answer = await client.options("/v1/events", headers=PREFLIGHT | {"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    seen = await client.get("/v1/customers", headers={"Origin": origin})
    assert seen.text == "inside"
    for each in (answer, seen):
        assert not [name for name in each.headers if name.startswith("access-control")]
        assert each.headers["vary"] == "Origin"


async def test_an_answer_may_be_read_by_a_page_of_an_allowed_origin(
    client: httpx.AsyncClient,
) -> None:
    for origin in (SHOP, "http://localhost:3000"):
        answer = await client.post("/v1/events", headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        assert answer.text == "inside"


async def test_who_is_no_page_is_answered_as_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/customers")
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_web_hooks_handshake_is_no_preflight(client: httpx.AsyncClient) -> None:
    hook = {"WebHook-Request-Origin": "sender.example", "Origin": SHOP}
    assert (await client.options("/v1/events", headers=hook)).text == "inside"


async def test_what_a_page_asks_for_cannot_break_out_of_a_header(
    client: httpx.AsyncClient,
) -> None:
    for wanted in ("x" * 3000, "a;b", "é"):
        headers = PREFLIGHT | {"Access-Control-Request-Headers": wanted}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        assert (await client.options("/v1/events", headers=raw)).status_code == 403


async def test_with_no_origin_allowed_nothing_stands_between() -> None:
    inside = PlainTextResponse("inside")
    assert for_origins(inside, Settings()) is inside  # type: ignore[call-arg]
