"""Behind each row of the views of leads are the events that made it, and no others."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.made_by import forgotten
from services.leads.parts import PARTS
from services.leads.proof import MADE_BY
from shared import schemas
from shared.comparing import Row, Side
from shared.database import Connection, Pool
from shared.messages import Record
from shared.tables import parked
from tests.leads import (
    histories,
    test_catalogue_rebuilt,
    test_follow_ups_rebuilt,
    test_partners_rebuilt,
    test_prospects_rebuilt,
    test_quotes_rebuilt,
)
from tests.leads.test_rebuilt_equals_live import VIEW, _live

TOLD: Mapping[str, tuple[Any, Any]] = {
    "leads": (histories.History, histories.SAID),
    **{
        name: (module.Told, module.SAID)
        for name, module in {
            "catalogue": test_catalogue_rebuilt,
            "follow-ups": test_follow_ups_rebuilt,
            "partners": test_partners_rebuilt,
            "prospects": test_prospects_rebuilt,
            "quotes": test_quotes_rebuilt,
        }.items()
    },
}
BEHIND = {**MADE_BY, **{name: each for part in PARTS for name, each in part.made_by.items()}}
COMPARED = sorted(VIEW.metadata.tables.keys() - VIEW.proof.derived)
FORGOTTEN = {name for name, each in BEHIND.items() if each is forgotten}


def test_each_table_that_is_compared_says_which_events_made_a_row() -> None:
    assert sorted(BEHIND) == sorted([*COMPARED, str(parked.name)])
    assert {"reached", "together"} == FORGOTTEN


class Makers:
    """The records that make each row, by its table and key: each projected by itself."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._found: dict[tuple[str, ...], dict[str, tuple[int, Any]]] = defaultdict(dict)
        for record in records:
            event = VIEW.decode(record)
            place = record.place.position()
            said = (event.envelope.streamversion, event.body)
            made = [
                (name, row)
                for name, rows in VIEW.projection.project([event]).items()
                for row in rows
            ]
            if (remembered := VIEW.projection.record(event)) is not None:
                made.append(remembered)
            for name, row in made:
                self._found[self._named(name, row)][place] = said

    def of(self, name: str, row: Row) -> dict[str, tuple[int, Any]]:
        columns = VIEW.metadata.tables[name].primary_key.columns
        return self._found[self._named(name, [row[column.name] for column in columns])]

    def _named(self, name: str, row: Sequence[Any]) -> tuple[str, ...]:
        width = len(VIEW.metadata.tables[name].primary_key.columns)
        return (name, *map(str, row[:width]))


@pytest.mark.parametrize("which", TOLD)
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=st.data())
async def test_behind_each_row_are_events_that_make_it_and_the_latest_of_them(
    pool: Pool, which: str, drawn: st.DataObject
) -> None:
    told, said = TOLD[which]
    history = told()
    for step in drawn.draw(st.lists(said, min_size=25, max_size=60)):
        history.say(*step)
    lanes = getattr(history, "history", history).lanes([])
    live = await _live(pool, lanes, drawn)
    makers = Makers([record for lane in lanes for record in lane])
    async with pool.acquire() as connection:
        for name in COMPARED:
            for row in await _rows(connection, live.name, name):
                await _is_right(Side(connection, live.name), makers, name, row)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM live")
        await schemas.drop(connection, live.name)


async def _is_right(side: Side, makers: Makers, name: str, row: Row) -> None:
    assert VIEW.proof.behind is not None
    shown, made = await VIEW.proof.behind(side, name, row), makers.of(name, row)
    if name in FORGOTTEN:
        assert shown == []
    elif name in ("belonging", "belonged"):
        bodies = [body for _, body in made.values()]
        expected = {(each.revision, str(each.customer)) for each in bodies}
        assert {(each["revision"], each["customer"]) for each in shown} == expected
        assert shown[0]["revision"] == row["revision"]
    else:
        places = [each["position"] for each in shown]
        assert places, (name, row)
        assert {*places} <= made.keys(), (name, row)
        assert max(version for version, _ in made.values()) in {made[each][0] for each in places}


async def _rows(connection: Connection, schema: str, name: str) -> list[Row]:
    """As they are compared."""
    columns = VIEW.metadata.tables[name].columns
    shown = ", ".join(f"'{each.name}', t.\"{each.name}\"" for each in columns)
    sql = f"SELECT json_build_object({shown})::text FROM {schema}.{name} t"
    return [msgspec.json.decode(each[0]) for each in await connection.fetch(sql)]
