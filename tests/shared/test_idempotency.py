"""Commands that come twice with one Idempotency-Key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, Request, Response

from shared.application import application
from shared.auth import Key, new_secret, require
from shared.database import Pool
from shared.errors import Conflict, NotReady
from shared.http import json_response
from shared.idempotency import once
from tests.waiting import until


class Shop:
    """An API with one command, which counts how often it runs."""

    def __init__(self, pool: Pool) -> None:
        self.runs = 0
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None
        self.secrets = {new_secret(): name for name in ("one", "other")}
        app = application("Shop", "Takes orders.")
        app.state.keyring = self

        @app.post("/orders")
        async def order(
            request: Request, key: Annotated[Key, Depends(require("write"))]
        ) -> Response:
            return await once(pool, key, request, self.take)

        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://shop")

    async def find(self, secret: str) -> Key | None:
        name = self.secrets.get(secret)
        return Key(name, frozenset(["write"]), "service:shop") if name else None

    def at_hand(self, header: bytes) -> Key | None:
        return None

    async def take(self) -> Response:
        self.runs += 1
        await self.open.wait()
        if self.failure:
            raise self.failure
        return json_response({"order": self.runs}, 201)

    async def post(self, name: str | None, body: bytes = b"{}", who: str = "one") -> httpx.Response:
        secret = next(secret for secret, key in self.secrets.items() if key == who)
        headers = {"Authorization": f"Bearer {secret}"}
        if name is not None:
            headers["Idempotency-Key"] = name
        return await self.client.post("/orders", content=body, headers=headers)


@pytest.fixture
async def shop(pool: Pool) -> AsyncIterator[Shop]:
    shop = Shop(pool)
    async with shop.client:
        yield shop


async def test_the_same_key_gives_the_same_answer_without_running_again(shop: Shop) -> None:
    first, second = await shop.post("k"), await shop.post("k")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json() == {"order": 1}
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert shop.runs == 1


async def test_without_a_key_it_runs_each_time(shop: Shop) -> None:
    assert [(await shop.post(None)).json()["order"] for _ in range(2)] == [1, 2]


async def test_each_caller_has_keys_of_its_own(shop: Shop) -> None:
    assert (await shop.post("k")).json() == {"order": 1}
    assert (await shop.post("k", who="other")).json() == {"order": 2}


async def test_another_body_under_the_same_key_is_refused(shop: Shop) -> None:
    await shop.post("k", b'{"a":1}')
    answer = await shop.post("k", b'{"a":2}')
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/header/idempotency-key"


async def test_a_refusal_is_stored_like_any_answer(shop: Shop) -> None:
    shop.failure = Conflict("sold out")
    first = await shop.post("k")
    shop.failure = None
    second = await shop.post("k")
    assert first.status_code == second.status_code == 409
    assert second.headers["content-type"] == "application/problem+json"
    assert shop.runs == 1


async def test_what_failed_on_our_side_may_be_tried_again(shop: Shop) -> None:
    shop.failure = NotReady("away")
    assert (await shop.post("k")).status_code == 503
    shop.failure = None
    assert (await shop.post("k")).status_code == 201


async def test_while_the_first_runs_the_second_is_told_so(shop: Shop) -> None:
    shop.open.clear()
    first = asyncio.create_task(shop.post("k"))
    await until(lambda: shop.runs == 1)
    second = await shop.post("k")
    assert second.status_code == 409
    assert second.json()["code"] == "idempotency_running"
    assert second.headers["retry-after"]
    shop.open.set()
    assert (await first).status_code == 201


@pytest.mark.parametrize("name", ["", "x" * 256])
async def test_a_key_has_1_to_255_characters(shop: Shop, name: str) -> None:
    assert (await shop.post(name)).status_code == 422
