"""The plan of topics: what is missing in Kafka, or is not as it is to be."""

from shared.topics import Cluster, Step, Topic, Wanted, plan, topic_settings

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
