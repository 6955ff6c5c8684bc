"""PostgreSQL: pools, databases, migrations, and the DDL of view schemas."""

import asyncio
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

import asyncpg
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from shared.errors import Fatal

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Pool = asyncpg.Pool

COMMAND_TIMEOUT = 60.0
CONNECT_TIMEOUT = 10.0
SESSION = {
    "application_name": "rapport",
    "timezone": "UTC",
    "jit": "off",
    "client_connection_check_interval": "5000",
}
"""Of every session. The last one, in ms: where we gave up and went away, the server ends what still
waits for a lock, so that tries do not pile up until no connection is left."""

ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Whatever the driver raises; the last one now and then when its server dies."""

_MIGRATION_LOCK = 7_262_001


async def connect(url: str, *, size: int = 20) -> Pool:
    """A pool of at most `size` connections. Raises Fatal where the server does not let us in."""
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            command_timeout=COMMAND_TIMEOUT,
            timeout=CONNECT_TIMEOUT,
            server_settings=SESSION,
            reset=_as_it_is,
        )
    except _NO_ENTRY as error:
        raise _no_entry(url, error) from error


async def _as_it_is(connection: Connection) -> None:
    """What a connection goes back to its pool with: the driver has ended its transaction.

    The driver would have the server forget settings, locks and listeners too: one more round for
    every query. Here settings are those of a transaction, and `locking` frees its locks.
    """


def service_url(server: str, service: str) -> str:
    """The URL of a service's own database: <name of the path, or rapport>_<service>.

    Raises Fatal for what is no URL.
    """
    try:
        parts = urlsplit(server)
    except ValueError as error:
        raise Fatal(
            f"RAPPORT_DATABASE is not a URL ({error}), such as postgresql://user@host/rapport."
        ) from error
    name = parts.path.strip("/") or "rapport"
    return urlunsplit(parts._replace(path=f"/{name}_{service}"))


async def ensure_database(url: str) -> None:
    """Make the database a URL names, where it is not there yet.

    Raises Fatal where the server is away or the role may not create one.
    """
    parts = urlsplit(url)
    name = parts.path.strip("/")
    try:
        await _close(await asyncpg.connect(url, timeout=CONNECT_TIMEOUT))
        return
    except asyncpg.InvalidCatalogNameError:
        pass
    except _NO_ENTRY as error:
        raise _no_entry(url, error) from error
    await _create(parts, name)


async def _create(parts: SplitResult, name: str) -> None:
    try:
        connection = await asyncpg.connect(
            urlunsplit(parts._replace(path="/postgres")), timeout=CONNECT_TIMEOUT
        )
        try:
            await connection.execute(
                f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"
            )
        finally:
            await _close(connection)
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return  # another service made it at the same moment
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Fatal(
            f"The database {name} is not there and cannot be made ({_reason(error)}); "
            "create it, or give the role of RAPPORT_DATABASE the right CREATEDB."
        ) from error


_NO_ENTRY = (*ERRORS, ValueError)


def _no_entry(url: str, error: Exception) -> Fatal:
    return Fatal(
        f"PostgreSQL does not let us in at {without_password(url)}: {_reason(error)}; "
        "set RAPPORT_DATABASE to a server that runs and a role that may use it."
    )


async def migrate(pool: Pool, *folders: Path) -> None:
    """Apply the numbered .sql files of the folders, in order, each once in a database's life."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
        )
        done = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        for path in (file for folder in folders for file in sorted(folder.glob("*.sql"))):
            name = f"{path.parent.parent.name}/{path.name}"
            if name not in done:
                await connection.execute(path.read_text())
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", name)


def ddl(metadata: MetaData, schema: str) -> list[str]:
    """The statements that make a schema with the tables and indexes of the metadata."""
    placed = MetaData(schema=schema)
    for table in metadata.sorted_tables:
        table.to_metadata(placed, schema=schema)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = [f'CREATE SCHEMA "{schema}"']
    for table in placed.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        statements += [
            str(CreateIndex(index).compile(dialect=dialect))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return statements


def in_schema(sql: str, schema: str) -> str:
    """The SQL with its `{s}` naming the schema; the same text each time, so that plans are kept."""
    found = _placed.get((sql, schema))
    if found is None:
        found = _placed[(sql, schema)] = sql.replace("{s}", schema)
    return found


_placed: dict[tuple[str, str], str] = {}

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.InvalidCachedStatementError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,
)


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed later, unchanged: the server is away, full or busy."""
    return isinstance(error, _AWAY) and not isinstance(error, asyncpg.DataError)


def without_password(url: str) -> str:
    """The URL as it may stand in a message."""
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", 1)[-1]
    user = f"{parts.username}@" if parts.username else ""
    return urlunsplit(parts._replace(netloc=user + host, query=""))


async def _close(connection: asyncpg.Connection) -> None:
    await asyncio.wait_for(connection.close(), CONNECT_TIMEOUT)


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
