"""The fast way into an empty view schema: tables without keys, rows staged, merged at the end.

    make an ordinary schema, `begin`  ->  `Bulk.holding(n).fold` per partition  ->  `finish`

Until `finish` has ended the ordinary fold must not touch the schema, nor anybody read it; then it
is an ordinary schema with the rows that the ordinary fold would have written.
"""

from collections.abc import Callable, Sequence

from shared.database import Connection, Pool
from shared.errors import Fatal
from shared.projection import Event, View

Report = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is: `("merge counts", 3, 14)`."""


class BeginAnew(Fatal):
    """PostgreSQL has crashed and what was staged is gone: drop the schema and begin another."""


class Over(Fatal):
    """The schema is being finished or is finished: nothing can be staged any more."""


async def begin(connection: Connection, view: View, schema: str) -> None:
    """Turn an empty schema, just made by `schemas.make`, into one that is filled by `Bulk`.

    To be called in the transaction that makes it. Keys and indexes go until `finish`.
    """
    raise NotImplementedError


async def is_begun(connection: Connection | Pool, schema: str) -> bool:
    """Whether the schema is one that `begin` has begun and `finish` has not ended."""
    raise NotImplementedError


class Bulk:
    """Fills a schema from one process; `expected` events in all, by which memory is sized."""

    def __init__(self, view: View, schema: str, *, expected: int, partitions: int) -> None:
        raise NotImplementedError

    def holding(self, partition: int) -> "Holding":
        """The fold of a partition for as long as one lease lasts: a new one for each `Folder`.

        What a former holder has folded meanwhile must be learnt anew.
        """
        raise NotImplementedError


class Holding:
    """One partition while it is ours; `fold` stands in the place of `View.fold`."""

    async def learn(self, connection: Connection) -> None:
        """Learn which events of the partition are there already: about 1 s per million of them.

        Only once the partition is ours (`Folder.take_over`). Where this was not called, the first
        `fold` does it, inside its transaction.
        """
        raise NotImplementedError

    async def fold(self, connection: Connection, schema: str, events: Sequence[Event]) -> None:
        """Stage a batch of the partition, up to about 10,000 events, in the open transaction.

        Raises BeginAnew, Over, and what asyncpg raises; a batch that cannot be folded raises as
        `View.fold` does, so that its culprit can be found and parked.
        """
        raise NotImplementedError


async def finish(pool: Pool, view: View, schema: str, report: Report) -> None:
    """Merge what was staged, make keys and indexes, fold the few events that were set aside.

    When all partitions have been folded as far as they shall be and nobody folds. Can be cancelled
    or killed and called again: each table is one transaction. Raises BeginAnew, and what asyncpg
    raises. Does nothing to a schema that is finished.
    """
    raise NotImplementedError
