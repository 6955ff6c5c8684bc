"""Decisions about two identifiers: in the log before they are answered, and reversible."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.clock import now, rfc3339
from shared.database import Pool
from shared.log import Log, Topic, topic_name
from shared.messages import Record, decode, parse_position
from tests.profile.answering import PARTITIONS, Profile, answering
from tests.records import identifier, subject


@pytest.fixture
async def profile(pool: Pool, kafka: str, topic_prefix: str) -> AsyncIterator[Profile]:
    log = await Log.connect(kafka)
    try:
        await log.ensure_topics(topic_prefix, [Topic("identity")], PARTITIONS)
        async with answering(pool, log, topic_prefix) as profile:
            profile.client.headers.update(profile.headers("write"))
            yield profile
    finally:
        await log.close()


def named(who: str) -> dict[str, str]:
    kind, *space, value = who.split(":")
    return {"kind": kind, "namespace": space[0] if space else "", "value": value}


async def post(profile: Profile, verb: str, one: str, other: str, **headers: str) -> Any:
    body = {
        "identifiers": [named(one), named(other)],
        "decision": verb,
        "reason": "somebody said so",
    }
    return await profile.client.post("/v1/identity-decisions", json=body, headers=headers)


async def logged(profile: Profile, position: str) -> Record:
    place = parse_position(position)
    (record,) = await profile.site.log.read(place.topic, place.partition, place.offset, 1)
    return record


async def followed(profile: Profile, answer: Any) -> None:
    """Fold a decision out of the log, as the runtime does."""
    assert answer.status_code == 202, answer.text
    await profile.fold(await logged(profile, answer.json()["position"]))
    await profile.settle()


async def customer_of(profile: Profile, who: str) -> str:
    found = await profile.client.get(
        f"/v1/customers/{subject(who)}", headers=profile.headers("read")
    )
    return str(found.json()["id"])


async def test_a_decision_is_in_the_log_with_who_and_why(profile: Profile) -> None:
    answer = await post(profile, "together", "user:shop:1", "email:A@x")
    assert answer.status_code == 202
    found = answer.json()
    assert found["identifiers"] == [identifier("email:a@x"), identifier("user:shop:1")]
    record = await logged(profile, found["position"])
    assert record.place.topic == topic_name(profile.site.topics["identity"][:-10], "identity", 1)
    envelope = decode(record.value)
    assert envelope.type == "identifiers.together"
    assert (envelope.id, envelope.time) == (found["id"], found["time"])
    assert envelope.partitionkey == subject("email:a@x")
    assert record.key == envelope.partitionkey.encode()
    assert (envelope.actor, envelope.ingestkey) == ("representative:write", "write")
    body: Any = profile.site.view.decode(record).body
    assert (body.decision, body.reason) == ("together", "somebody said so")
    assert [one.subject for one in body.identifiers] == [
        subject("email:a@x"),
        subject("user:shop:1"),
    ]


async def test_separating_a_pair_is_reversible(profile: Profile) -> None:
    await profile.tell("page.viewed", "crm:5", "email:e@x")
    await profile.tell("page.viewed", "user:7", "email:e@x")
    assert await customer_of(profile, "crm:5") == subject("user:7")
    await followed(profile, await post(profile, "apart", "email:e@x", "user:7"))
    assert await customer_of(profile, "email:e@x") == subject("crm:5")
    assert await customer_of(profile, "user:7") == subject("user:7")
    await followed(profile, await post(profile, "apart", "email:e@x", "user:7"))
    await followed(profile, await post(profile, "observed", "email:e@x", "user:7"))
    assert await customer_of(profile, "crm:5") == subject("user:7")


async def test_a_derived_pair_can_be_separated(profile: Profile) -> None:
    await profile.tell("page.viewed", "crm:5", "email:e@x")
    await profile.tell("page.viewed", "user:7", "email:e@x")
    await followed(profile, await post(profile, "apart", "crm:5", "user:7"))
    assert await customer_of(profile, "crm:5") == subject("crm:5")


async def test_what_was_put_together_can_be_taken_apart(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    await profile.tell("page.viewed", "user:2")
    await followed(profile, await post(profile, "together", "user:1", "user:2"))
    assert await customer_of(profile, "user:1") == await customer_of(profile, "user:2")
    await followed(profile, await post(profile, "apart", "user:1", "user:2"))
    assert await customer_of(profile, "user:1") != await customer_of(profile, "user:2")


async def test_a_separation_that_would_do_nothing_shows_the_chain(profile: Profile) -> None:
    seen = await profile.tell("page.viewed", "device:d", "email:e@x")
    await profile.tell("page.viewed", "email:e@x", "user:1")
    joined = await profile.decide("together", "user:1", "user:2", key="desk")
    answer = await post(profile, "apart", "device:d", "user:2")
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "nothing_to_separate"
    steps = [(step["from"]["value"], step["to"]["value"], step["by"]) for step in problem["chain"]]
    assert steps == [("d", "e@x", "seen"), ("e@x", "1", "seen"), ("1", "2", "together")]
    assert problem["chain"][0]["from"] == identifier("device:d")
    assert problem["chain"][0]["position"] == seen.place.position()
    assert problem["chain"][2]["position"] == joined.place.position()


async def test_separating_strangers_shows_an_empty_chain(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    answer = await post(profile, "apart", "user:1", "user:2")
    assert answer.status_code == 409
    assert answer.json()["chain"] == []


async def test_a_decision_is_later_than_the_one_shown(profile: Profile) -> None:
    ahead = (now() + timedelta(hours=1)).timestamp() - 1767225600  # tests begin at 2026-01-01
    told = await profile.decide("together", "user:1", "user:2", seconds=ahead)
    answer = await post(profile, "observed", "user:1", "user:2")
    last = decode(told.value).time
    assert answer.json()["time"] > last > rfc3339(now())
    await followed(profile, answer)
    assert await customer_of(profile, "user:1") != await customer_of(profile, "user:2")


async def test_the_same_idempotency_key_decides_once(profile: Profile) -> None:
    first = await post(profile, "together", "user:1", "user:2", **{"Idempotency-Key": "k"})
    again = await post(profile, "together", "user:1", "user:2", **{"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await post(profile, "observed", "user:1", "user:2", **{"Idempotency-Key": "k"})
    assert other.status_code == 422


async def test_a_subject_names_an_identifier_that_is_known(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:1")
    body = {
        "identifiers": [{"subject": subject("user:1")}, named("email:a@x")],
        "decision": "together",
        "reason": "said so",
    }
    answer = await profile.client.post("/v1/identity-decisions", json=body)
    assert answer.json()["identifiers"][1] == identifier("user:1")
    body["identifiers"] = [named("user:1"), {"subject": subject("user:2")}]
    answer = await profile.client.post("/v1/identity-decisions", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/identifiers/1/subject"
