"""A database of decisions that was lost: nothing decides without it, and the log brings it back."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from shared.database import service_url
from tests.system.running import System, run, wait_until


def asked(number: int) -> dict[str, Any]:
    """Somebody asks for a quote."""
    named = [{"kind": "email", "value": f"p{number}@example.com"}]
    data = {"channel": "web", "identifiers": named, "product": "CHAIR-7"}
    return {"id": f"q-{number}", "source": "/web", "type": "quote.requested", "data": data}


def leads(system: System) -> dict[str, dict[str, Any]]:
    """All leads as the list has them."""
    answer = httpx.get(f"{system.url}/v1/leads", headers=system.key("read"), timeout=10)
    assert answer.status_code == 200, answer.text
    return {each["id"]: each for each in answer.json()["data"]}


def lose(system: System) -> None:
    """The database of leads is gone."""

    async def drop() -> None:
        url = service_url(system.settings["RAPPORT_DATABASE"], "leads")
        parts = urlsplit(url)
        server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")))
        try:
            await server.execute(f"DROP DATABASE {parts.path.strip('/')} WITH (FORCE)")
        finally:
            await server.close()

    asyncio.run(drop())


def unrelayed(system: System) -> int:
    found = json.loads(system.rapport("status", "--json").stdout)
    counts = {each["service"]: each["counts"] for each in found["services"]}
    return int(counts["leads"]["unrelayed"])


@pytest.mark.slow
def test_what_was_decided_is_brought_back_from_the_log(system: System) -> None:
    answer = system.post([asked(n) for n in range(5)])
    assert answer.status_code == 200, answer.text
    wait_until(lambda: len(leads(system)) == 5, 30, "five leads are listed")
    first = min(leads(system))
    given = {"owner": "representative:7", "reason": "She knows them."}
    tag = {"If-Match": f'"{leads(system)[first]["version"]}"'}
    assigned = httpx.post(
        f"{system.url}/v1/leads/{first}/assign", json=given, headers=system.key("write") | tag
    )
    assert assigned.status_code == 200, assigned.text
    wait_until(lambda: leads(system)[first]["owner"] is not None, 30, "the owner is listed")
    wait_until(lambda: unrelayed(system) == 0, 30, "all is in the log")
    before = leads(system)
    assert system.rapport("restore", "leads").returncode == 1  # nothing is lost
    system.stop()

    lose(system)
    refused = run("-m", "services", settings=system.program.settings)
    assert refused.returncode != 0
    assert "rapport restore leads" in refused.stderr + refused.stdout
    restored = system.rapport("restore", "leads", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["streams"] >= 5

    system.start()
    wait_until(lambda: leads(system) == before, 60, "the leads are as they were")
    again = system.post(asked(0) | {"id": "q-later"})
    assert again.status_code == 202, again.text
    wait_until(lambda: len(leads(system)) == 5, 30, "nothing begins twice")
    wait_until(
        lambda: sorted(each["inquiries"] for each in leads(system).values()) == [1, 1, 1, 1, 2],
        30,
        "the new inquiry joins the lead that was restored",
    )
    assert system.rapport("verify", "leads").returncode == 0
