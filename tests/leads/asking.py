"""Commands over HTTP, as tests send them."""

from typing import Any

import httpx

from tests.leads.answering import Leads


async def send(
    leads: Leads,
    path: str,
    body: Any,
    who: str = "service:app",
    version: int | None = None,
    method: str = "POST",
    **headers: str,
) -> httpx.Response:
    """The answer to a command; `version` is the one in If-Match."""
    given = {**leads.headers(who), **{name.replace("_", "-"): headers[name] for name in headers}}
    if version is not None:
        given["If-Match"] = f'"{version}"'
    return await leads.client.request(method, path, json=body, headers=given)


async def teams(leads: Leads, **members: list[str]) -> None:
    """There are these teams; routing sends nothing to them."""
    rules = [{"id": "nobody", "owner": "service:nobody", "sources": ["/nowhere"]}]
    named = {team: [{"representative": each} for each in some] for team, some in members.items()}
    answer = await send(
        leads, "/v1/routing", {"rules": rules, "teams": named}, method="PUT", version=1
    )
    assert answer.status_code == 200, answer.text


async def captured(leads: Leads, n: int, **fields: Any) -> Any:
    """The nth lead, over HTTP; nobody else asks for anything."""
    asked = {
        "identifiers": [{"kind": "email", "value": f"{n}@example.com"}],
        "title": f"Kettles {n}",
        "source": "/web/shop",
        "channel": "web",
        **fields,
    }
    answer = await send(leads, "/v1/leads", asked)
    assert answer.status_code == 201, answer.text
    return answer.json()
