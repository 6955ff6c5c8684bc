"""A stream of changes shows what its key may see at each moment, and ends with the key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.leads.app import SERVICE
from shared.database import Pool
from tests.deciding.test_changes import STREAM, Frames, served
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import captured, send
from tests.waiting import until

SEVEN, EIGHT, PARTNER = "representative:7", "representative:8", "partner:12"
RULES = [{"id": "nobody", "owner": "service:nobody", "sources": ["/nowhere"]}]
PATH = "/v1/leads/changes"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


async def north(leads: Leads, *members: str, version: int) -> None:
    named = {"north": [{"representative": each} for each in members]}
    body = {"rules": RULES, "teams": named}
    answer = await send(leads, "/v1/routing", body, method="PUT", version=version)
    assert answer.status_code == 200, answer.text


async def noted(leads: Leads, lead: str, text: str, version: int) -> None:
    answer = await send(leads, f"/v1/leads/{lead}/notes", {"text": text}, version=version)
    assert answer.status_code == 200, answer.text


def texts(frames: Frames) -> list[Any]:
    return [each["data"]["text"] for each in frames.records if each["type"] == "lead.noted"]


@asynccontextmanager
async def listened(leads: Leads, who: str) -> AsyncIterator[Frames]:
    """What a real server tells somebody while the body runs."""
    headers = {**leads.headers(who), **STREAM}
    async with (
        served(SERVICE.app(leads.site)) as url,
        httpx.AsyncClient(base_url=url) as client,
        client.stream("GET", PATH, params={"after": "latest"}, headers=headers) as response,
    ):
        frames = Frames(response)
        try:
            yield frames
        finally:
            await frames.close()


async def test_a_stream_ends_when_its_key_is_revoked(leads: Leads) -> None:
    lead = (await captured(leads, 1, owner=SEVEN))["id"]
    async with listened(leads, SEVEN) as frames:
        await noted(leads, lead, "seen", 1)
        await until(lambda: texts(frames) == ["seen"])
        leads.ring.revoke(SEVEN)
        await noted(leads, lead, "of no concern any more", 2)
        await until(lambda: frames.ended)
    assert texts(frames) == ["seen"]


async def test_who_leaves_a_team_is_told_no_more_of_its_leads(leads: Leads) -> None:
    mine = (await captured(leads, 1, owner=SEVEN))["id"]
    theirs = (await captured(leads, 2, owner=EIGHT))["id"]
    await north(leads, SEVEN, EIGHT, version=1)
    async with listened(leads, SEVEN) as frames:
        await noted(leads, theirs, "in the team", 1)
        await until(lambda: texts(frames) == ["in the team"])
        await north(leads, SEVEN, version=1)
        await noted(leads, theirs, "after that", 2)
        await noted(leads, mine, "my own", 1)
        await until(lambda: len(texts(frames)) > 1)
    assert texts(frames) == ["in the team", "my own"]


async def test_a_stream_ends_where_a_partner_is_not_active_any_more(
    leads: Leads, caplog: pytest.LogCaptureFixture
) -> None:
    lead = (await captured(leads, 1, pipeline="partner", owner=PARTNER))["id"]
    body = {"name": "Kettles & Co", "release": {"notes": True}}
    await send(leads, "/v1/partners/12", body, method="PUT")
    async with listened(leads, PARTNER) as frames:
        await noted(leads, lead, "seen", 1)
        await until(lambda: texts(frames) == ["seen"])
        parted = await send(
            leads, "/v1/partners/12", body | {"active": False}, method="PUT", version=1
        )
        assert parted.status_code == 200, parted.text
        await noted(leads, lead, "of no concern any more", 2)
        await until(lambda: frames.ended)
        assert frames.failure is None
    assert texts(frames) == ["seen"]
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
