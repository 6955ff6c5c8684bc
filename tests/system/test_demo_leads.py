"""The leads of the demo: what the file says, the events of a row, and what became of them."""

import json
from collections import Counter

import pytest

from services.cli.demo import leads
from services.cli.demo.leads import Asked
from services.contact.types import check
from tests.records import at
from tests.system.running import System

ROW = Asked(7, "a-1", "Lead Add Form", "Google", True, 2, "Email Opened", "India", "Select")
RULES = {
    "engagement": [
        {"id": "form", "points": 15, "type": "form.submitted", "group": "asking"},
        {"id": "page", "points": 3, "type": "page.viewed", "group": "looking"},
        {"id": "kettle", "points": 9, "type": "page.viewed", "product": "KETTLE-1"},
    ],
    "caps": {"looking": 4},
    "thresholds": {"a": 60, "b": 19, "c": 10},
}


@pytest.fixture(scope="module")
def rows() -> list[Asked]:
    return leads.read()


def test_the_file_says_what_is_known_of_it(rows: list[Asked]) -> None:
    assert len({each.id for each in rows}) == len(rows) == 9240
    assert sum(each.won for each in rows) == 3561


def test_a_row_is_an_inquiry_its_visits_and_its_last_activity() -> None:
    found = leads.events(ROW, at(0))
    types = ["form.submitted", "page.viewed", "page.viewed", "email.opened"]
    assert [each["type"] for each in found] == types
    assert found[0]["data"]["fields"] == {"row": 7, "origin": "Lead Add Form", "country": "India"}
    assert (found[0]["id"], found[0]["time"]) == ("lead_scoring.csv:7", at(0))


def test_who_came_through_no_form_asked_for_information() -> None:
    assert leads.events(ROW._replace(origin="API"), at(0))[0]["type"] == "information.requested"


def test_spellings_of_one_source_are_one() -> None:
    named = {leads.source(ROW._replace(source=name)) for name in ("Google", "google")}
    assert named == {"/demo/leads/google"}
    assert leads.source(ROW._replace(source="")) == "/demo/leads/unknown"


def test_points_are_those_of_rules_for_the_type_and_groups_are_capped() -> None:
    assert leads.points(RULES, ["form.submitted", "page.viewed", "page.viewed"]) == 15 + 4
    assert (leads.grade(RULES, 19), leads.grade(RULES, 9)) == ("B", "D")


def test_all_events_are_right_and_have_names_of_their_own(rows: list[Asked]) -> None:
    found = [event for each in rows for event in leads.events(each, at(0))]
    for event in found:
        check(event["type"], event["data"])
    assert max(Counter(event["id"] for event in found).values()) == 1


@pytest.mark.slow
def test_funnel_win_rates_and_scores_are_those_of_the_file_however_often_it_runs(
    system: System,
) -> None:
    first, second = (
        system.rapport("demo", "--only", "leads", "--first", "200", "--json") for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    shown = [json.loads(each.stdout)["leads"] for each in (first, second)]
    assert shown[0]["api"] == shown[1]["api"] == shown[0]["file"]
    assert sum(won for _, won in shown[0]["api"]["sources"].values()) > 0
