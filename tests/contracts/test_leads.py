"""What leads decides is what it reads, for ever: one record of every type is kept."""

import json

import pytest

from services.leads import consumers
from tests.contracts.decided import EVENTS
from tests.contracts.examples import FOLDER, made, written

TYPES = {name: kind for decider in consumers.DECIDERS for name, kind in decider.events.items()}


def test_every_type_has_its_record() -> None:
    assert written("leads").keys() == TYPES.keys() == EVENTS.keys()


@pytest.mark.parametrize("type_", TYPES)
def test_leads_writes_the_record_that_stands_here(type_: str) -> None:
    kept = json.loads((FOLDER / f"leads/{type_}.json").read_text())
    assert made()[f"leads/{type_}"] == kept


@pytest.mark.parametrize("type_", TYPES)
def test_leads_reads_it_as_it_was_decided(type_: str) -> None:
    stream, _, event = EVENTS[type_]
    read = consumers.decided(written("leads")[type_])
    assert read.body == event
    assert read.envelope.stream == stream
    assert event.at == read.envelope.time


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_stands_in_a_record_that_is_not_read(type_: str) -> None:
    data = json.loads((FOLDER / f"leads/{type_}.json").read_text())["data"]
    assert data.keys() <= {*TYPES[type_].__struct_fields__}


def test_no_type_belongs_to_two_kinds_of_stream() -> None:
    assert len(TYPES) == sum(len(each.events) for each in consumers.DECIDERS)
