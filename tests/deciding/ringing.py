"""The toy's view of reminders, and the timer that rings."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData

from shared.consumer import Pace
from shared.database import Pool
from shared.deciding.due import due_table, merged, scheduled, settled
from shared.deciding.reading import reader
from shared.deciding.timers import Moment, Timer
from shared.literals import Row
from shared.merging import Rows
from shared.messages import Place, Record
from shared.outcomes import Ok
from shared.projection import Event, Projection, View
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.toy import NOTE, VISIT, Reminded, Ring, Rung
from tests.shared.toy import folder

metadata = MetaData()
DUE = due_table(metadata)


def project(events: Sequence[Event]) -> Rows:
    """The moments that visits wait for."""
    return {"due": [row for event in events if (row := _row(event)) is not None]}


def _row(event: Event) -> Row | None:
    match event.body:
        case Reminded(name=name, due=str(due)):
            return scheduled(event, name, due)
        case Reminded(name=name) | Rung(name=name):
            return settled(event, name)
        case _:
            return None


PROJECTION = Projection((), lambda event: None, project, (merged(DUE),))
VIEW = View(
    "toy",
    1,
    (toy.VISITS,),
    metadata,
    reader({**VISIT.events, **NOTE.events}),
    PROJECTION,
    PROJECTION.fold,
)
FAST = Pace(lease=2.0, tick=0.1, survey=0.2, wait=0.1, mirror=0.5, grace=10.0)


def ring(moment: Moment) -> Any:
    return Ring(moment.name, moment.due, moment.at)


BELL = Timer("bell", "due", VISIT, ring)


async def fold_all(pool: Pool, schema: Schema, upto: int = 10**9, epoch: int = 1) -> None:
    """Fold the decided events into a schema, as if the log had them in one partition."""
    rows = await pool.fetch(
        "SELECT position, record FROM events WHERE position <= $1 ORDER BY position", upto
    )
    place = f"{toy.VISITS}.1"
    records = [Record(Place(place, 0, row["position"]), b"", row["record"]) for row in rows]
    one = await folder(pool, schema, VIEW, epoch=epoch)
    assert await one.fold(records) == Ok()
