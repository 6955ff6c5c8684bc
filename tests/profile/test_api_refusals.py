"""What the profile's API refuses: with a problem that names the field, never with a 500."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Pool
from shared.errors import LogUnavailable
from tests.profile.answering import SCHEMA, Profile, answering
from tests.records import subject


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        await profile.tell("page.viewed", "user:1")
        yield profile


ONE = f"/v1/customers/{subject('user:1')}"
NOBODY = "/v1/customers/5b2f0b0e-5a55-8c1d-9f0a-2d6f3a1c7e42"

WRONG_READS = [
    ("/v1/customers/not-a-uuid", "/path/id"),
    ("/v1/customers/not-a-uuid/timeline", "/path/id"),
    (f"{ONE}?timeline=201", "/query/timeline"),
    (f"{ONE}?timeline=-1", "/query/timeline"),
    (f"{ONE}?timelines=1", "/query/timelines"),
    (f"{ONE}?min_position=x", "/query/min_position"),
    (f"{ONE}?min_position=other.1/0/0", "/query/min_position"),
    (f"{ONE}?min_position=interactions.1/4/0", "/query/min_position"),
    (f"{ONE}?min_position=interactions.1/0/{2**70}", "/query/min_position"),
    (f"{ONE}/timeline?limit=0", "/query/limit"),
    (f"{ONE}/timeline?limit=201", "/query/limit"),
    (f"{ONE}/timeline?from=yesterday", "/query/from"),
    (f"{ONE}/timeline?from=2026-01-01T00:00:00", "/query/from"),
    (f"{ONE}/timeline?from=0001-01-01T00:00:00%2B14:00", "/query/from"),
    (f"{ONE}/timeline?type=a%00b", "/query/type/0"),
    (f"{ONE}/timeline?channel=pigeon", "/query/channel/0"),
    (f"{ONE}/timeline?cursor=abc", "/query/cursor"),
    (f"{ONE}/belonging?cursor=%F0%9F%92%A9", "/query/cursor"),
    (f"{ONE}/duplicates?limit=x", "/query/limit"),
    ("/v1/duplicates?cursor=abc", "/query/cursor"),
    ("/v1/customers?sort=name", "/query/sort"),
    ("/v1/customers?limit=0", "/query/limit"),
    ("/v1/customers?limit=201", "/query/limit"),
    ("/v1/customers?cursor=abc", "/query/cursor"),
    ("/v1/customers?filter[name][eq]=x", "/query/filter[name][eq]"),
    ("/v1/customers?filter[orders][eq]=1", "/query/filter[orders][eq]"),
    (f"/v1/customers?filter[orders][gte]={2**70}", "/query/filter[orders][gte]"),
    ("/v1/customers?filter[currency][eq]=euro", "/query/filter[currency][eq]"),
    ("/v1/customers?currency_eq=EUR", "/query/currency_eq"),
    ("/v1/customers?timeline=5", "/query/timeline"),
    ("/v1/customers?identifier=jane", "/query/identifier"),
    ("/v1/customers?identifier=name:jane", "/query/identifier"),
    ("/v1/customers?identifier=email:", "/query/identifier"),
    ("/v1/customers?identifier=user:null", "/query/identifier"),
    ("/v1/customers?identifier=user:a%00b", "/query/identifier"),
    ("/v1/customers?identifier=user:1&limit=5", "/query/limit"),
    ("/v1/organisations?limit=0", "/query/limit"),
    ("/v1/organisations/a%00b", "/path/number"),
    ("/v1/organisations/a?namespace=%00", "/query/namespace"),
    ("/v1/organisations/a?name=x", "/query/name"),
]


async def test_a_wrong_parameter_is_named(profile: Profile) -> None:
    for path, pointer in WRONG_READS:
        answer = await profile.client.get(path)
        problem = answer.json()
        assert answer.status_code == 422, (path, problem)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["errors"][0]["pointer"] == pointer, path


async def test_nobody_is_not_found(profile: Profile) -> None:
    for path in (NOBODY, *(f"{NOBODY}/{part}" for part in ("timeline", "belonging", "duplicates"))):
        answer = await profile.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


async def test_a_cursor_is_good_for_its_own_list_only(profile: Profile) -> None:
    await profile.tell("page.viewed", "user:2")
    cursor = (await profile.get("/v1/customers", limit=1))["next_cursor"]
    for path in ("/v1/customers?sort=orders&", "/v1/organisations?", f"{ONE}/timeline?"):
        answer = await profile.client.get(f"{path}cursor={cursor}")
        assert answer.status_code == 422, path


PAIR: list[Any] = [{"kind": "email", "value": "a@x"}, {"kind": "user", "value": "1"}]
WRONG_DECISIONS: list[tuple[Any, str]] = [
    ({}, "/identifiers"),
    ({"identifiers": PAIR[:1]}, "/identifiers"),
    ({"identifiers": [PAIR[0], {}]}, "/identifiers/1"),
    ({"identifiers": [PAIR[0], {"subject": "x"}]}, "/identifiers/1/subject"),
    ({"identifiers": [PAIR[0], {**PAIR[1], "subject": subject("user:1")}]}, "/identifiers/1"),
    ({"identifiers": [PAIR[0], {"kind": "name", "value": "x"}]}, "/identifiers/1/kind"),
    ({"identifiers": [{"kind": "user", "value": "null"}, PAIR[0]]}, "/identifiers/0/value"),
    ({"identifiers": [{"kind": "user", "value": "a\0b"}, PAIR[0]]}, "/identifiers/0/value"),
    ({"identifiers": [PAIR[0], PAIR[0]]}, "/identifiers/1"),
    ({"identifiers": [PAIR[0], {"kind": "email", "value": "A@X "}]}, "/identifiers/1"),
    ({"identifiers": PAIR, "decision": "maybe"}, "/decision"),
    ({"identifiers": PAIR, "decision": "apart", "reason": ""}, "/reason"),
    ({"identifiers": PAIR, "decision": "apart", "reason": "x" * 1001}, "/reason"),
    ({"identifiers": PAIR, "decision": "apart", "reason": "x\0"}, "/reason"),
    ({"identifiers": PAIR, "decision": "apart", "reason": "x", "more": 1}, "/more"),
]


async def test_a_wrong_field_of_a_decision_is_named(profile: Profile) -> None:
    for body, pointer in WRONG_DECISIONS:
        whole = {"decision": "together", "reason": "said so"} | body
        answer = await profile.client.post(
            "/v1/identity-decisions", json=whole, headers=profile.headers("write")
        )
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer, body


async def test_a_wrong_field_of_a_lookup_is_named(profile: Profile) -> None:
    for body, pointer in [
        ({}, "/kind"),
        ({"kind": "name", "value": "x"}, "/kind"),
        ({"kind": "user", "value": "undefined"}, "/value"),
        ({"kind": "user", "value": 1}, "/value"),
        ({"kind": "user", "value": "x", "namespace": "n" * 129}, "/namespace"),
    ]:
        answer = await profile.client.post("/v1/customers/lookup", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["pointer"] == pointer, body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'{"identifiers": NaN}', 422),
        (b'{"kind": "email", "value": "\\ud800"}', 422),
        (b"x" * 1_100_000, 413),
    ],
)
async def test_a_body_that_cannot_be_is_refused(profile: Profile, body: bytes, status: int) -> None:
    headers = {**profile.headers("write"), "Content-Type": "application/json"}
    answer = await profile.client.post("/v1/identity-decisions", content=body, headers=headers)
    assert answer.status_code == status
    headers |= profile.headers("read")
    answer = await profile.client.post("/v1/customers/lookup", content=body, headers=headers)
    assert answer.status_code == status


async def test_every_operation_asks_for_its_scope(profile: Profile) -> None:
    reads = [ONE, f"{ONE}/timeline", f"{ONE}/belonging", f"{ONE}/duplicates", "/v1/customers"]
    reads += ["/v1/duplicates", "/v1/organisations", "/v1/organisations/x", f"{ONE}?timelines=1"]
    for path in reads:
        answer = await profile.client.get(path, headers=profile.headers("ingest"))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        answer = await profile.client.get(path, headers={"Authorization": "Bearer nothing"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
    for path in ("/v1/identity-decisions", "/v1/customers/lookup"):
        answer = await profile.client.post(path, json={}, headers=profile.headers("ingest"))
        assert answer.status_code == 403, path
    answer = await profile.client.post("/v1/identity-decisions", json={})
    assert answer.status_code == 403


class Away:
    """A log that does not answer."""

    async def end_offsets(self, topic: str, partitions: object) -> dict[int, int]:
        raise LogUnavailable("away")


async def test_while_the_view_is_built_there_is_nothing_to_read_yet(profile: Profile) -> None:
    await profile.site.pool.execute("UPDATE schemas SET ready = NULL WHERE schema = $1", SCHEMA)
    object.__setattr__(profile.site.serving, "_until", 0.0)
    object.__setattr__(profile.site, "log", Away())
    for path in (ONE, "/v1/customers"):
        answer = await profile.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "building"), path
        assert answer.json()["progress"] is None  # the log is away: nobody knows how far it is
        assert answer.headers["retry-after"]
