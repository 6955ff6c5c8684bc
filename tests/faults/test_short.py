"""A short run of the fault suite, and that its auditor finds what is wrong."""

from collections.abc import Iterator

import pytest

from tests.faults.__main__ import find
from tests.faults.asking import ask
from tests.faults.audit import audit
from tests.faults.scenario import run
from tests.faults.stage import Stage, opened

SHORT = (
    "processes killed",
    "servers killed",
    "leads killed",
    "workers paused",
    "a bad deployment",
    "duplicates",
)
"""The others take longer, or have tests of their own."""

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Servers that may be killed, with as little to do as there can be."""
    with opened(scale=0.0) as stage:
        yield stage


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_double_or_different(stage: Stage, name: str) -> None:
    row = run(name, find(name), stage)
    assert (row.verdict, row.broken, row.audit.examples) == ("held", (), ())
    assert row.audit.sent == row.audit.acknowledged > 0


def test_the_auditor_finds_what_is_missing_double_or_changed(stage: Stage) -> None:
    apart = stage.deployment()
    with apart.load() as load:
        load.go_on()
    assert audit(apart, apart.accounts).fine
    ask(apart, "contact", _LOSE)
    ask(apart, "profile", _DOUBLE)
    ask(apart, "profile", _CHANGE)
    ask(apart, "contact", _MOVE)
    found = audit(apart, apart.accounts)
    assert (found.lost, found.double) == (1, 1)
    said = "\n".join(found.examples)
    for words in ("lost in contact", "2 times in profile", "daily", "belonging", "Customer("):
        assert words in said
    assert "verify of profile" in said
    stage.clear(shared=True)


_LOSE = """
DELETE FROM {s}.interactions
WHERE (subject, event) = (SELECT subject, event FROM {s}.interactions LIMIT 1)
"""

_DOUBLE = """
INSERT INTO {s}.events
SELECT (json_populate_record(e, json_build_object('subject', gen_random_uuid()))).*
FROM {s}.events e LIMIT 1
"""

_CHANGE = """
UPDATE {s}.customers SET revenue = revenue + 1
WHERE customer = (SELECT customer FROM {s}.customers WHERE orders > 0 LIMIT 1)
"""

_MOVE = """
UPDATE {s}.belonging SET customer = gen_random_uuid()
WHERE subject = (SELECT subject FROM {s}.belonging LIMIT 1)
"""
