"""The tables of a schema that is filled in bulk: keys taken away and made, rows staged and merged.

Staged rows stand in UNLOGGED tables, which PostgreSQL empties when it crashes; `bulk` is another
one, with one row, so that its loss is seen.
"""

from collections.abc import Iterator
from typing import Any

import asyncpg
from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from shared.database import Connection, Pool, in_schema
from shared.errors import Fatal
from shared.merging import Merge, staged
from shared.projection import Projection, View

STAGING, FINISHING = "staging", "finishing"

DAY = 86_400.0
"""Seconds that one statement over a whole table may take."""

_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


class BeginAnew(Fatal):
    """PostgreSQL has crashed and what was staged is gone: drop the schema and begin another."""


class Over(Fatal):
    """The schema is being finished or is finished: nothing can be staged any more."""


def filled(view: View) -> list[Table]:
    """The tables that a bulk fold fills: those that remember, then the others in their order."""
    return [view.metadata.tables[name] for name in _names(view.projection)]


def _names(projection: Projection) -> list[str]:
    return [*projection.memory, *(table.name for table in projection.tables)]


async def begin(connection: Connection, view: View, schema: str) -> None:
    """Take the keys and indexes away from an empty schema, and make what staging needs."""
    for table in filled(view):
        await connection.execute(
            in_schema(f"ALTER TABLE {{s}}.{table.name} DROP CONSTRAINT {_key(table)}", schema)
        )
        for index in table.indexes:
            await connection.execute(in_schema(f"DROP INDEX {{s}}.{index.name}", schema))
        await connection.execute(in_schema(_REST.format(table=table.name, s="{s}"), schema))
    for merge in (each for each in merges(view.projection) if each.is_staged):
        create = _STAGED.format(staged=staged(merge.name), table=merge.name, s="{s}")
        await connection.execute(in_schema(create, schema))
    await connection.execute(in_schema(_BULK, schema))


async def state(
    connection: Connection,
    schema: str,
    stage: str,
    partition: int | None = None,
    holding: str | None = None,
    transaction: str | None = None,
) -> dict[str, Any]:
    """`this` transaction, how another one has ended, and whether a holding is a partition's latest.

    `last` is None where it is not known. Nobody takes the schema to another stage before this
    transaction has ended. Raises BeginAnew, and Over where it is not at the given stage.
    """
    sql = in_schema(_STATE, schema)
    try:
        row = await connection.fetchrow(sql, transaction, partition, holding)
    except asyncpg.UndefinedTableError as error:
        raise Over(f"{schema} is finished.") from error
    if row is None:
        raise _gone(schema)
    if row["stage"] != stage:
        raise Over(f"{schema} is being finished.")
    return dict(row)


async def hold(connection: Connection, schema: str, partition: int, holding: str) -> None:
    """Note by whom a partition is staged from now on."""
    await connection.execute(in_schema(_HOLD, schema), partition, holding)


async def is_begun(connection: Connection | Pool, schema: str) -> bool:
    """Whether the schema is one that `begin` has begun and `finish` has not ended."""
    return bool(await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.bulk"))


async def close(connection: Connection, schema: str) -> None:
    """Let nothing be staged any more; waits for what is being staged. Raises BeginAnew, Over."""
    try:
        found = await connection.fetchval(in_schema(_CLOSE, schema), FINISHING, timeout=DAY)
    except asyncpg.UndefinedTableError as error:
        raise Over(f"{schema} is finished.") from error
    if found is None:
        raise _gone(schema)
    await connection.execute(in_schema(_NOTE, schema))


async def end(connection: Connection, schema: str) -> None:
    """Make it an ordinary schema, all of whose tables are complete."""
    made = "{s}.bulk, {s}.holdings, {s}.suspects, {s}.asked"
    await connection.execute(in_schema(f"DROP TABLE {made}", schema))


async def sizes(pool: Pool, view: View, schema: str) -> dict[str, int]:
    """Bytes of what is to be merged into each table, or stands in it already."""
    names = [table.name for table in filled(view)]
    rows = await pool.fetch(_SIZES, names, [staged(name) for name in names], schema)
    return {row["name"]: row["bytes"] for row in rows}


async def is_asked_first(connection: Connection, schema: str, number: int) -> bool:
    """Note that a statement at the end is executed; False where it was before."""
    return bool(await connection.fetchval(in_schema(_ASKED, schema), number))


def merges(projection: Projection) -> Iterator[Merge]:
    """The tables whose rows are merged at the end."""
    return (table for table in projection.tables if isinstance(table, Merge))


async def has_key(connection: Connection, schema: str, table: Table) -> bool:
    """Whether a table is complete."""
    return bool(await connection.fetchval(_HAS_KEY, f"{schema}.{table.name}"))


def completion(view: View, schema: str, table: Table) -> list[str]:
    """The statements that merge what is staged for a table, and make its key and indexes."""
    merge = next((each for each in merges(view.projection) if each.name == table.name), None)
    statements = []
    if merge is not None:
        statements = [merge.gather]
        if merge.is_staged:
            statements.append(f"DROP TABLE {{s}}.{staged(merge.name)}")
    columns = ", ".join(column.name for column in table.primary_key.columns)
    placed = table.to_metadata(MetaData(schema=schema), schema=schema)
    return [
        *(in_schema(statement, schema) for statement in statements),
        f"CREATE UNIQUE INDEX {_key(table)} ON {schema}.{table.name} ({columns})",
        *(
            str(CreateIndex(index).compile(dialect=_dialect))
            for index in sorted(placed.indexes, key=lambda index: str(index.name))
        ),
        f"ANALYZE {schema}.{table.name}",
        f"ALTER TABLE {schema}.{table.name} RESET (autovacuum_enabled)",
        f"ALTER TABLE {schema}.{table.name} ADD PRIMARY KEY USING INDEX {_key(table)}",
    ]


def forgetting(memory: Table) -> str:
    """The statement that drops from what was set aside what was seen indeed."""
    columns = enumerate(memory.primary_key.columns, 1)
    same = " AND ".join(f"m.{column.name} = q.key[{n}]::uuid" for n, column in columns)
    return (
        f"DELETE FROM {{s}}.suspects q USING {{s}}.{memory.name} m"
        f" WHERE q.memory = '{memory.name}' AND {same}"
    )


def _gone(schema: str) -> BeginAnew:
    return BeginAnew(f"What was staged in {schema} is gone, because PostgreSQL has crashed.")


def _key(table: Table) -> str:
    return f"{table.name}_pkey"  # what PostgreSQL itself calls it


# Nobody reads the tables before they are complete, and staged rows but once.
_REST = "ALTER TABLE {s}.{table} SET (autovacuum_enabled = false)"

_STAGED = """
CREATE UNLOGGED TABLE {s}.{staged} (LIKE {s}.{table} INCLUDING CONSTRAINTS)
WITH (autovacuum_enabled = false)
"""

_BULK = f"""
CREATE UNLOGGED TABLE {{s}}.bulk (stage text NOT NULL);
INSERT INTO {{s}}.bulk VALUES ('{STAGING}');
CREATE UNLOGGED TABLE {{s}}.holdings (partition integer PRIMARY KEY, holding text NOT NULL);
CREATE UNLOGGED TABLE {{s}}.suspects (
    memory text NOT NULL, key text[] NOT NULL, topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL, record bigint NOT NULL, name bytea, bytes bytea NOT NULL)
"""

_SIZES = """
SELECT name, coalesce(pg_table_size(to_regclass($3 || '.' || staged)),
                      pg_table_size(to_regclass($3 || '.' || name))) AS bytes
FROM unnest($1::text[], $2::text[]) t (name, staged)
"""

_NOTE = "CREATE UNLOGGED TABLE IF NOT EXISTS {s}.asked (number integer PRIMARY KEY)"

_ASKED = "INSERT INTO {s}.asked (number) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true"

_HAS_KEY = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::regclass AND indisprimary)"

_STATE = """
SELECT stage, pg_current_xact_id()::text AS this, pg_xact_status($1::text::xid8) AS last,
    EXISTS (SELECT FROM {s}.holdings WHERE partition = $2 AND holding = $3) AS ours
FROM {s}.bulk FOR SHARE
"""

_HOLD = """
INSERT INTO {s}.holdings (partition, holding) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET holding = excluded.holding
"""

_CLOSE = "UPDATE {s}.bulk SET stage = $1 RETURNING stage"
