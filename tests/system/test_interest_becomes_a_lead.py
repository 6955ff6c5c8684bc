"""Nobody asks: who looks often has a lead, who does much a hot one, who is known is a prospect."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.system.running import System
from tests.waiting import until


@pytest.fixture
async def client(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """One who may read and write."""
    words = (
        "keys",
        "create",
        "sales",
        "--scope",
        "read",
        "--scope",
        "write",
        "--principal",
        "service:sales",
    )
    made = await asyncio.to_thread(system.rapport, *words, "--json")
    assert made.returncode == 0, made
    headers = {"Authorization": f"Bearer {json.loads(made.stdout)['secret']}"}
    async with httpx.AsyncClient(base_url=system.url, timeout=20.0, headers=headers) as client:

        async def known() -> bool:
            return (await client.get("/v1/leads")).status_code == 200

        await until(known, what="the key is known")
        yield client


def looked(system: System, name: str, times: int, type_: str = "product.viewed") -> None:
    """Somebody did the same so many times, just now."""
    who = {"kind": "user", "namespace": "shop", "value": name}
    data = {"channel": "web", "direction": "inbound", "identifiers": [who]}
    events = [
        {
            "type": type_,
            "source": "/web/shop",
            "id": f"{name}-{type_}-{n}",
            "data": data | {"sku": "CHAIR-7"},
        }
        for n in range(times)
    ]
    answer = system.post(events)
    assert answer.status_code == 200, answer.text


async def test_interest_opens_a_lead_that_becomes_hot_and_a_list_is_filled_from_the_profile(
    system: System, client: httpx.AsyncClient
) -> None:
    looked(system, "idle", 2)
    looked(system, "keen", 12)

    async def data(path: str, **query: str) -> Any:
        answer = await client.get(path, params=query)
        return answer.json()["data"] if answer.status_code == 200 else []

    async def leads() -> bool:
        return len(await data("/v1/leads")) == 1

    async def hot() -> bool:
        return bool(await data("/v1/leads", **{"filter[hot][eq]": "true"}))

    async def both(path: str = "/v1/customers", **query: str) -> bool:
        return len(await data(path, **query)) == 2

    await until(leads, what="interest opens a lead")
    [lead] = await data("/v1/leads")
    assert (lead["source"], lead["product"], lead["hot"]) == ("interest", "CHAIR-7", False)
    looked(system, "keen", 2, "quote.requested")
    await until(hot, what="the lead is hot")
    path = "/v1/target-lists/shop"
    filters = {"interactions_gte": "1"}
    answer = await client.put(path, json={"purpose": "All of the shop", "filters": filters})
    assert answer.status_code == 200, answer.text
    await until(both, what="profile knows both")
    filled = await client.post(f"{path}/fill")
    assert filled.status_code == 200, filled.text
    assert (filled.json()["state"], filled.json()["kept"]) == ("ready", 2)
    on_it = {"filter[list][eq]": "shop"}
    await until(lambda: both("/v1/prospects", **on_it), what="both are listed")
