"""`rapport openapi`: an operation without an example is found."""

from typing import Any

from services.cli.openapi import text, without_example
from services.registry import SERVICES

SHOWN = {"application/json": {"schema": {}, "example": {"id": "1"}}}
BARE: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}


def document(operation: dict[str, Any]) -> dict[str, Any]:
    schemas = {"Shown": {"type": "object", "examples": [{"id": "1"}]}}
    return {"paths": {"/v1/things": {"post": operation}}, "components": {"schemas": schemas}}


def test_an_operation_with_examples_is_fine() -> None:
    operation = {"requestBody": {"content": SHOWN}, "responses": {"200": {"content": SHOWN}}}
    assert list(without_example(document(operation))) == []


def test_a_body_and_an_answer_without_example_are_named() -> None:
    operation = {"requestBody": {"content": BARE}, "responses": {"200": {"content": BARE}}}
    assert list(without_example(document(operation))) == [
        "POST /v1/things has no example of its body.",
        "POST /v1/things has no example of its answer.",
    ]


def test_an_example_may_stand_in_the_schema() -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Shown"}}}
    operation = {"requestBody": {"content": content}, "responses": {"201": {"content": content}}}
    assert list(without_example(document(operation))) == []


def test_an_answer_without_content_needs_none() -> None:
    assert list(without_example(document({"responses": {"204": {"description": "Done."}}}))) == []


def test_every_operation_of_every_service_has_its_examples() -> None:
    assert [line for each in SERVICES for line in without_example(each.openapi())] == []


def test_the_text_is_the_same_every_time() -> None:
    for each in SERVICES:
        assert text(each.openapi()) == text(each.openapi())
