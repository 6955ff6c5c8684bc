"""The demo: what the file says, and that running it twice changes nothing."""

import json
from importlib.resources import files

import pytest

from services.cli.demo import cdnow
from tests.system.running import System


@pytest.fixture(scope="module")
def purchases() -> list[cdnow.Purchase]:
    return cdnow.read()


def test_the_file_says_what_is_known_of_it(purchases: list[cdnow.Purchase]) -> None:
    assert cdnow.totals(purchases) == (23_570, 69_659, 250_031_563)
    assert cdnow.period(purchases) == ("1997-01-01", "1997-03-25")


def test_equal_lines_are_events_of_their_own(purchases: list[cdnow.Purchase]) -> None:
    lines = {each[1:] for each in purchases}
    assert len(purchases) - len(lines) == 255
    assert len({cdnow.event(each)["id"] for each in purchases}) == len(purchases)


def test_the_packed_file_carries_no_time_or_name() -> None:
    head = files("services.cli.demo").joinpath("cdnow.txt.gz").read_bytes()[:10]
    assert head[:8] == b"\x1f\x8b\x08" + bytes(5)


@pytest.mark.slow
def test_running_it_twice_changes_nothing(system: System) -> None:
    first, second = (system.rapport("demo", "--only", "purchases", "--json") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    shown = [json.loads(each.stdout)["purchases"] for each in (first, second)]
    assert shown[0]["api"] == shown[1]["api"] == shown[0]["file"]
    assert shown[0]["profile"] == shown[1]["profile"]
