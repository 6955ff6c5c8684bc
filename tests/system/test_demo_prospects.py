"""The leads of the demo: what the file says, and the events that a row becomes."""

from collections import Counter

import pytest

from services.cli.demo import prospects
from services.cli.demo.prospects import Prospect
from services.contact.types import check

ROW = Prospect(7, "a-1", "Lead Add Form", "Google", True, 2, "Email Opened", "India", "Select")


@pytest.fixture(scope="module")
def rows() -> list[Prospect]:
    return prospects.read()


def test_the_file_says_what_is_known_of_it(rows: list[Prospect]) -> None:
    assert len({each.id for each in rows}) == len(rows) == 9240
    assert sum(each.won for each in rows) == 3561


def test_a_row_is_an_inquiry_its_visits_and_its_last_activity() -> None:
    found = prospects.events(ROW)
    types = ["form.submitted", "page.viewed", "page.viewed", "email.opened"]
    assert [each["type"] for each in found] == types
    assert found[0]["data"]["fields"] == {"origin": "Lead Add Form", "country": "India"}
    assert found[0]["id"] == "lead_scoring.csv:7"


def test_who_came_through_no_form_asked_for_information() -> None:
    assert prospects.events(ROW._replace(origin="API"))[0]["type"] == "information.requested"


def test_spellings_of_one_source_are_one() -> None:
    named = {prospects.source(ROW._replace(source=name)) for name in ("Google", "google")}
    assert named == {"/demo/leads/google"}
    assert prospects.source(ROW._replace(source="")) == "/demo/leads/unknown"


def test_all_events_are_right_and_have_names_of_their_own(rows: list[Prospect]) -> None:
    found = [event for each in rows for event in prospects.events(each)]
    for event in found:
        check(event["type"], event["data"])
    assert max(Counter(event["id"] for event in found).values()) == 1
