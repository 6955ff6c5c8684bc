"""The law of views on PostgreSQL: batches and interleavings do not show in the rows."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database import Pool
from shared.messages import Record
from shared.outcomes import Ok
from shared.parking import parked
from tests.shared import toy
from tests.shared.toy import TWO_TOPICS, happening, numbered

_SUBJECTS = st.sampled_from("abcde")
_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 1),  # partition
        st.sampled_from(["happenings.1", "reports.1"]),
        st.integers(0, 12),  # id: some come twice
        _SUBJECTS,
        st.sampled_from([1, 2, 5, -1, "x"]),
    ),
    max_size=25,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_EVENTS, st.data())
async def test_any_split_and_any_interleaving_give_the_same_rows(
    pool: Pool, story: list[tuple[int, str, int, str, object]], drawn: st.DataObject
) -> None:
    lanes: list[list[Record]] = [[], []]
    for partition, topic, id_, who, amount in story:
        # an id always means the same event, and a subject has one partition
        who, amount = who + str(partition), amount if id_ % 3 else 1
        lanes[partition].append(
            happening(f"{id_} {who} {amount}", who=who, amount=amount, topic=topic)
        )
    placed = [numbered(lane, partition=n) for n, lane in enumerate(lanes)]
    results = [
        await _folded(pool, placed, batches)
        for batches in (_whole(placed), _drawn_batches(placed, drawn))
    ]
    assert results[0] == results[1]


def _whole(lanes: list[list[Record]]) -> list[tuple[int, list[Record]]]:
    return list(enumerate(lanes))


def _drawn_batches(
    lanes: list[list[Record]], drawn: st.DataObject
) -> list[tuple[int, list[Record]]]:
    """Batches of drawn sizes from drawn partitions and topics, in order within each topic."""
    left = {
        (n, topic): [record for record in lane if record.place.topic == topic]
        for n, lane in enumerate(lanes)
        for topic in ("happenings.1", "reports.1")
    }
    batches = []
    while any(left.values()):
        partition, topic = drawn.draw(st.sampled_from([k for k, v in left.items() if v]))
        size = drawn.draw(st.integers(1, 8))
        batches.append((partition, left[partition, topic][:size]))
        left[partition, topic] = left[partition, topic][size:]
    return batches


async def _folded(
    pool: Pool, lanes: list[list[Record]], batches: list[tuple[int, list[Record]]]
) -> object:
    """Rows, parked events and checkpoints after the batches, in a schema of their own."""
    await pool.execute(
        "DROP SCHEMA IF EXISTS toy_1_1 CASCADE; DELETE FROM live; DELETE FROM schemas"
    )
    schema = await toy.make_schema(pool, TWO_TOPICS, partitions=2)
    folders = [await toy.folder(pool, schema, TWO_TOPICS, n) for n in range(len(lanes))]
    for partition, batch in batches:
        assert await folders[partition].fold(batch) == Ok()
    places = await pool.fetch(
        f"SELECT topic, partition, next_offset, folded FROM {schema.name}.checkpoints ORDER BY 1, 2"
    )
    aside = [(one.place, one.subject, one.event) for one in await parked(pool, schema.name)]
    return await toy.rows(pool, schema), aside, [tuple(row) for row in places]
