"""`rapport explain` and `rapport replay`: one customer from the view down to the log, and back."""

import json
from typing import Any

import pytest

from tests.system.running import System, order

JANE = "email:jane@example.com"


def visit(id: str, *who: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """An event of somebody in the shop."""
    given = [
        {"kind": kind, "value": value} | ({"namespace": "shop"} if kind == "user" else {})
        for kind, value in who
    ]
    event = {"id": id, "source": "/web/shop", "type": "page.viewed"} | fields
    return event | {"data": {"channel": "web", "identifiers": given} | event.get("data", {})}


@pytest.fixture(scope="module")
def jane(system: System) -> str:
    """A customer of whom the view knows all; its id."""
    user, email, device = ("user", "42"), ("email", "jane@example.com"), ("device", "d-1")
    told = [
        visit("v-1", email, device),
        visit("v-2", user, email, correlationid="visit-7"),
        order("o-1", "42", 500),
        order("o-2", "42", 700),
        visit("c-1", email, type="order.cancelled", data={"order": "o-2", "namespace": "shop"}),
        visit("t-1", user, type="customer.described", data={"traits": {"name": "Jane"}}),
        visit("f-1", email, type="feedback.given", data={"csat": 4, "nps": 9}),
        visit("k-1", ("user", "43"), device),
    ]
    answer = system.post(told).json()
    positions = [item["position"] for item in answer["results"]]
    found = [system.profile(JANE, position) for position in positions]
    return str(found[-1]["id"])


def test_a_value_is_explained_down_to_the_record_in_the_log(system: System, jane: str) -> None:
    ended = system.rapport("explain", JANE, "interactions.by_type.page.viewed", "--json")
    found = json.loads(ended.stdout)
    assert (ended.returncode, found["customer"], found["value"]) == (0, jane, 2)
    latest = found["events"][0]
    assert (latest["id"], latest["record"]["correlationid"]) == ("v-2", "visit-7")
    assert latest["record"]["ingestkey"] == latest["key"]
    assert latest["record"]["receivedtime"]


def test_people_read_the_same_in_a_table(system: System, jane: str) -> None:
    ended = system.rapport("explain", jane, "orders.count", "--limit", "1")
    assert ended.returncode == 0, ended.stderr
    assert "There are more" in ended.stdout
    assert jane in ended.stdout


def test_what_cannot_be_explained_says_why(system: System, jane: str) -> None:
    unknown = system.rapport("explain", jane, "income")
    assert (unknown.returncode, "interactions.total" in unknown.stderr) == (2, True)
    assert system.rapport("explain", "user:shop:nobody", "orders.count").returncode == 1
    assert system.rapport("explain", "jane", "orders.count").returncode == 2
    assert system.rapport("explain", "colour:red", "orders.count").returncode == 2
