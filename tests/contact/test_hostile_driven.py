"""What was refused of hostile bodies, in the hands of operators: shown, fixed, driven; no 500."""

import base64
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import pytest

from tests.contact.answering import Contact
from tests.contact.folding import fold_all
from tests.contact.test_hostile import SPOKEN, cases, everything, post_all

PAGE = 200
MOST_PAGES = 20


async def refused(
    live: Contact, name: str, before: Mapping[tuple[str, int], int]
) -> dict[str, bytes]:
    """What is refused of the hostile bodies of a dialect: exact bytes by id, as the log has it."""
    spoken = SPOKEN[name]
    await post_all(live, spoken, list(cases(spoken)))
    await fold_all(live)
    kept = await everything(live, before, "quarantine")
    return {one["id"]: base64.b64decode(one["data"]["bytes"]) for one in kept}


async def shown(live: Contact, id: str) -> dict[str, Any]:
    found: dict[str, Any] = await live.get(f"/v1/quarantine/{id}")
    return found


async def listed(live: Contact) -> list[dict[str, Any]]:
    """All that is open."""
    return await live.all_pages("/v1/quarantine", PAGE, state="open")


async def drive_all(live: Contact, **body: Any) -> dict[str, str]:
    """What becomes of all that is open, reason by reason and page by page."""
    found: dict[str, str] = {}
    for code in {one["code"] for one in await listed(live)}:
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            answer: httpx.Response = await live.client.post(
                "/v1/quarantine/drive",
                json={"code": code, "limit": PAGE, "cursor": cursor, **body},
                headers=live.headers("ops"),
            )
            assert answer.status_code == 200, answer.text
            cursor = answer.json()["next_cursor"]
            for one in answer.json()["data"]:
                found[one["id"]] = one["status"]
                assert ("events" in one) == (one["status"] == "driven")
            await fold_all(live)
            if cursor is None:
                break
        assert cursor is None
    return found


@pytest.mark.parametrize("name", ["native", "calls", "binary"])
async def test_what_was_refused_of_hostile_bodies_is_shown_fixed_and_driven(
    live: Contact, name: str
) -> None:
    before = await live.ends()
    kept = await refused(live, name, before)
    assert len(kept) > 100
    assert {one["id"] for one in await listed(live)} == set(kept)
    assert await drive_all(live) == dict.fromkeys(kept, "refused")
    for id, raw in kept.items():
        one = await shown(live, id)
        assert (base64.b64decode(one["bytes"]), one["size"]) == (raw, len(raw))

    good = msgspec.json.decode(SPOKEN[name].document("fixed", b"1"))
    driven: dict[str, str] = {}
    for whole in (good, {"batch": [good]}):  # an item of a batch, or all of it
        driven |= await drive_all(live, patch=[{"op": "replace", "path": "", "value": whole}])
    assert driven == dict.fromkeys(kept, "driven")
    assert await listed(live) == []
    assert (await shown(live, next(iter(kept))))["bytes"] is None
