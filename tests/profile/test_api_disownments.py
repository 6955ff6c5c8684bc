"""A key that leaked is disowned: in the log before it is answered."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shared.database import Pool
from shared.ids import event_id
from shared.log import Log, Topic
from shared.messages import decode, parse_position
from tests.profile.answering import PARTITIONS, Profile, answering

PATH = "/v1/key-disownments"
BODY = {"key": "web", "reason": "Somebody posted made-up devices with it."}


@pytest.fixture
async def profile(pool: Pool, kafka: str, topic_prefix: str) -> AsyncIterator[Profile]:
    log = await Log.connect(kafka)
    try:
        await log.ensure_topics(topic_prefix, [Topic("identity")], PARTITIONS)
        async with answering(pool, log, topic_prefix) as profile:
            yield profile
    finally:
        await log.close()


async def post(profile: Profile, body: object, scope: str = "ops", **headers: str) -> Any:
    headers |= profile.headers(scope)
    return await profile.client.post(PATH, json=body, headers=headers)


async def test_it_stands_in_the_log_with_who_said_so_and_why(profile: Profile) -> None:
    answer = await post(profile, BODY)
    assert answer.status_code == 202, answer.text
    place = parse_position(answer.json()["position"])
    (record,) = await profile.site.log.read(place.topic, place.partition, place.offset, 1)
    envelope = decode(record.value)
    assert (envelope.type, envelope.id) == ("key.disowned", answer.json()["id"])
    assert envelope.partitionkey == event_id(envelope.source, "web")
    assert record.key == envelope.partitionkey.encode()
    data = msgspec.json.decode(envelope.data)
    assert {name: data[name] for name in ("key", "reason", "actor")} == {
        **BODY,
        "actor": "representative:ops",
    }


async def test_all_that_is_said_of_a_key_is_in_one_partition(profile: Profile) -> None:
    positions = [(await post(profile, BODY)).json()["position"] for _ in range(3)]
    assert len({position.rpartition("/")[0] for position in positions}) == 1
    assert len(set(positions)) == 3


async def test_the_same_idempotency_key_disowns_once(profile: Profile) -> None:
    first = await post(profile, BODY, **{"Idempotency-Key": "k"})
    again = await post(profile, BODY, **{"Idempotency-Key": "k"})
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"key": "web"}, "/reason"),
        ({"reason": "why"}, "/key"),
        ({"key": "", "reason": "why"}, "/key"),
        ({"key": "x" * 65, "reason": "why"}, "/key"),
        ({**BODY, "other": 1}, "/other"),
    ],
)
async def test_a_field_that_is_wrong_is_named(
    profile: Profile, body: dict[str, object], pointer: str
) -> None:
    answer = await post(profile, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_only_operators_may(profile: Profile) -> None:
    for scope in ("read", "write", "ingest"):
        assert (await post(profile, BODY, scope)).status_code == 403
