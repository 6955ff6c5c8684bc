"""From the door through the log to the history and the quarantine."""

import base64
from typing import Any

from shared.ids import event_id, uuid7
from tests.contact.answering import SCHEMA, Contact
from tests.contact.folding import fold_all
from tests.records import subject


def call(user: str, number: int, **data: Any) -> dict[str, Any]:
    who = [{"kind": "user", "value": user}]
    event = {"id": f"{user}/{number}", "source": "/desk", "type": "call.received"}
    return {**event, "data": {"identifiers": who, **data}}


async def test_what_was_posted_is_in_the_history_and_can_be_waited_for(live: Contact) -> None:
    user = str(uuid7())
    calls = [call(user, 1, duration=7), call(user, 2, duration=8, note="é 🫖 \u2028")]
    results = (await live.post(calls)).json()["results"]
    await fold_all(live)
    asked = {"customer": subject(f"user:shop:{user}"), "min_position": results[-1]["position"]}
    listed = {one["id"]: one for one in (await live.get("/v1/interactions", **asked))["data"]}
    assert listed.keys() == {sent["id"] for sent in calls}
    for sent, result in zip(calls, results, strict=True):
        one = listed[sent["id"]]
        assert (one["position"], one["channel"]) == (result["position"], "phone")
        assert one["data"] == sent["data"] | {
            "channel": "phone",
            "direction": "inbound",
            "identifiers": one["data"]["identifiers"],
        }
        whole = await live.get(f"/v1/interactions/{event_id('/desk', sent['id'])}")
        assert whole["record"]["data"] == one["data"]
        assert whole["record"]["ingestkey"] == "ingest"


async def test_what_was_refused_is_read_back_byte_for_byte(live: Contact) -> None:
    bodies = [b"{", b'{"type": "a.b", "data": {"x": "\xff"}}', b'{"type": 7, "a": "\\u0000"}']
    for body in bodies:
        assert (await live.send(body)).status_code in (400, 422)
    piece = b'{"type":"order.placed" , "data": {}}'
    answer = await live.send(b'[{"type": "note.taken"}, ' + piece + b"]")
    assert answer.json()["results"][1]["pointer"] == "/1/data/amount"
    await fold_all(live)
    found = {}
    for one in await live.all_pages("/v1/quarantine", 2):
        whole = await live.get(f"/v1/quarantine/{one['id']}")
        found[base64.b64decode(whole["bytes"])] = whole["reasons"][0]["pointer"]
    assert found.keys() == {*bodies, piece}
    assert found[piece] == "/data/amount"
    assert found[bodies[1]] == "/data/x"


async def test_what_was_posted_twice_is_there_once(live: Contact) -> None:
    id = str(uuid7())
    sent = {"id": id, "source": "/desk", "type": "note.taken"}
    positions = [(await live.post(sent)).json()["position"] for _ in range(2)]
    await fold_all(live)
    found = await live.get(f"/v1/interactions/{event_id('/desk', id)}")
    assert found["position"] == positions[0]
    assert found["customer"] == found["subject"]


async def test_while_the_view_is_built_it_says_how_far_it_is(live: Contact) -> None:
    await live.site.pool.execute("UPDATE schemas SET ready = NULL WHERE schema = $1", SCHEMA)
    object.__setattr__(live.site.serving, "_until", 0.0)
    try:
        answer = await live.ask("/v1/interactions", subject=subject("user:1"))
        assert (answer.status_code, answer.json()["code"]) == (503, "building")
        assert answer.headers["retry-after"]
        progress = answer.json()["progress"]
        assert 0 <= progress["folded"] <= progress["end"]
    finally:
        await live.site.pool.execute("UPDATE schemas SET ready = now() WHERE schema = $1", SCHEMA)
        object.__setattr__(live.site.serving, "_until", 0.0)
