"""Requests made from the API descriptions, right and wrong: every answer is a documented one."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from services.registry import SERVICES
from shared.auth import SCOPES
from shared.gateway import merged
from tests.system.running import System

DOOR = "/v1/events"
METHOD_NOT_ALLOWED = "405"
"""What other methods are told; a path's operations do not list it."""

schemathesis.serializer.alias("message/rfc822", "text/plain")
_document = merged([each.openapi() for each in SERVICES])
reads = schemathesis.openapi.from_dict(_document).exclude(path=DOOR)
door = schemathesis.openapi.from_dict(_document).include(path=DOOR)
door.config.phases.coverage.enabled = False  # every bound of every field of every type: minutes


@pytest.fixture(scope="module")
def headers(system: System) -> dict[str, str]:
    """The header of a key that may do everything."""
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    made = system.rapport("keys", "create", "all", *scopes, "--json")
    return {"Authorization": f"Bearer {json.loads(made.stdout)['secret']}"}


@reads.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_a_documented_one(
    case: "schemathesis.Case[Any]", system: System, headers: dict[str, str]
) -> None:
    check(case, system, headers)


@door.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_of_the_door_is_a_documented_one(
    case: "schemathesis.Case[Any]", system: System, headers: dict[str, str]
) -> None:
    check(case, system, headers)


def check(case: "schemathesis.Case[Any]", system: System, headers: dict[str, str]) -> None:
    answer = case.call(base_url=system.url, headers=headers)
    documented: Any = case.operation.definition.raw["responses"]
    assert str(answer.status_code) in {*documented, METHOD_NOT_ALLOWED}, answer.text
    assert answer.status_code < 500 or answer.status_code == 503
    kind = "problem+json" if answer.status_code >= 400 else "json"
    if case.method != "HEAD":
        assert answer.headers["content-type"] == [f"application/{kind}"]
