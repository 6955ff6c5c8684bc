"""The plan of topics: what is missing in Kafka, or is not as it is to be."""

import pytest

from shared.topics import Cluster, Step, Topic, Wanted, generation_of, plan, topic_settings

TOPIC = Topic("things")
RIGHT = topic_settings(TOPIC, 1, embedded=False)


def planned(**found: object) -> Step:
    cluster = Cluster(1, **found)  # type: ignore[arg-type]
    return plan("t-", [Wanted(TOPIC, 1, 4)], cluster, embedded=False)[0]


def test_a_topic_that_is_not_there_is_missing() -> None:
    assert planned() == Step("t-things.1", "missing", 4)


def test_a_topic_as_it_is_to_be_is_fine() -> None:
    step = planned(partitions={"t-things.1": 4}, settings={"t-things.1": RIGHT | {"more": "1"}})
    assert step.state == "fine"


def test_another_number_of_partitions_or_another_setting_is_named() -> None:
    settings = RIGHT | {"retention.ms": "604800000"}
    step = planned(partitions={"t-things.1": 3}, settings={"t-things.1": settings})
    assert step.state == "differs"
    assert step.differs == ("3 partitions", "retention.ms=604800000 instead of -1")


def test_every_generation_is_shown_with_its_role() -> None:
    fenced = RIGHT | {"max.message.bytes": "0"}
    cluster = Cluster(
        1,
        partitions={"t-things.1": 4, "t-things.2": 6, "t-things.3": 8, "t-thingsome.4": 1},
        settings={"t-things.1": fenced, "t-things.2": RIGHT, "t-things.3": RIGHT},
    )
    steps = plan("t-", [Wanted(TOPIC, 2, 6)], cluster, embedded=False)
    assert [(step.role, step.state, step.partitions) for step in steps] == [
        ("old", "fine", 4),
        ("present", "fine", 6),
        ("next", "fine", 8),
    ]


def test_a_present_generation_that_is_fenced_and_an_old_one_that_is_not_are_wrong() -> None:
    fenced = RIGHT | {"max.message.bytes": "0"}
    cluster = Cluster(
        1,
        partitions={"t-things.1": 4, "t-things.2": 4},
        settings={"t-things.1": RIGHT, "t-things.2": fenced},
    )
    old, present = plan("t-", [Wanted(TOPIC, 2, 4)], cluster, embedded=False)
    assert (old.state, old.differs) == ("differs", ("not fenced",))
    assert (present.state, present.differs) == ("differs", ("fenced: nobody can append",))


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("t-things.1", 1),
        ("t-things.12", 12),
        ("t-things.01", None),
        ("t-things.x", None),
        ("t-things", None),
        ("t-thingsome.1", None),
        ("things.1", None),
        ("t-things.1.2", None),
        ("t-things.٣", None),
    ],
)
def test_a_name_in_kafka_tells_its_generation(name: str, generation: int | None) -> None:
    assert generation_of("t-", "things", name) == generation
