"""rapport parked: events that were set aside, tried again or given up."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import msgspec
import typer

from services.cli import show
from services.cli.reach import Reach, pool_of, reach, run, started
from services.registry import SERVICES
from shared import parking
from shared.clock import monotonic, rfc3339
from shared.database import Pool
from shared.errors import Fatal, NotFound
from shared.messages import Place, parse_position
from shared.parking import ParkedEvent
from shared.schemas import policies_of

PAGE = 200

app = typer.Typer(help="Events that were set aside.", no_args_is_help=True)

ServiceName = Annotated[str | None, typer.Option("--service", help="Only of this service.")]
SchemaName = Annotated[str | None, typer.Option("--schema", help="Unset: the one that serves.")]
Position = Annotated[str, typer.Argument(help="As `list` shows it: interactions.1/3/1042.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Only ask; do not wait for the holder.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for the holder.")]


@app.command("list")
def listing(
    service: ServiceName = None,
    schema: SchemaName = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Events at most.")] = 200,
    as_json: show.AsJson = False,
) -> None:
    """What is parked. Exit code 1 when there is anything."""
    found = run(_listed(reach(), service, schema, limit))
    if as_json:
        show.json([document for _, document in found])
    else:
        columns = ["service", "position", "reason", "error", ">attempts", "since", "tried"]
        show.table(columns, [[doc[name] for name in _names(columns)] for _, doc in found])
    if found:
        raise typer.Exit(1)


@app.command("show")
def one(
    position: Position,
    service: ServiceName = None,
    schema: SchemaName = None,
    as_json: show.AsJson = False,
) -> None:
    """One parked event whole, with its bytes."""
    name, _, found = run(_found(reach(), service, schema, _place(position)))
    document = _document(name, found) | _content(found.bytes)
    if as_json:
        show.json(document)
        return
    for field in ("service", "position", "reason", "error", "attempts", "since", "tried"):
        print(f"{field:9} {document[field]}")
    show.json(document.get("event", document.get("bytes")))


@app.command()
def retry(
    position: Annotated[str | None, typer.Argument(help="As `list` shows it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
    service: ServiceName = None,
    schema: SchemaName = None,
    no_wait: NoWait = False,
    wait: Wait = 15.0,
    as_json: show.AsJson = False,
) -> None:
    """Fold parked events again. Exit code 1 when one stays parked."""
    if (position is None) == (not every):
        raise Fatal("Name one position, or --all.")
    place = _place(position) if position else None
    asked, left = run(_retry(reach(), service, schema, place, 0.0 if no_wait else wait))
    if as_json:
        show.json({"asked": asked, "parked": left, "waited": not no_wait})
    elif no_wait:
        print(f"Asked for {asked}.")
    else:
        print(f"Tried {asked}; {left} of them are still parked.")
    if left and not no_wait:
        raise typer.Exit(1)


@app.command()
def discard(
    position: Position,
    reason: Annotated[str, typer.Option(help="Why it is given up; kept for ever.")],
    service: ServiceName = None,
    schema: SchemaName = None,
    no_wait: NoWait = False,
    wait: Wait = 15.0,
    as_json: show.AsJson = False,
) -> None:
    """Give a parked event up: every fold and rebuild leaves it out. Exit code 1 if not yet done."""
    done = run(_discard(reach(), (service, schema), _place(position), reason, no_wait, wait))
    if as_json:
        show.json({"position": position, "discarded": True, "taken_out": done})
    elif done:
        print("Given up.")
    else:
        print("It is noted; the holder of its partition takes it out.")
    if not done and not no_wait:
        raise typer.Exit(1)


def _place(position: str) -> Place:
    try:
        return parse_position(position)
    except ValueError:
        raise Fatal(f"{position!r} is not a position, such as interactions.1/3/1042.") from None


async def _listed(
    place: Reach, service: str | None, schema: str | None, limit: int
) -> list[tuple[str, dict[str, Any]]]:
    rows: list[tuple[str, dict[str, Any]]] = []
    for name in await _chosen(place, service):
        async with pool_of(place, name) as pool:
            for chosen in await _schemas(pool, name, schema):
                found = await _parked(pool, chosen, limit - len(rows))
                rows += [(name, _document(name, each)) for each in found]
    return rows


async def _parked(pool: Pool, schema: str, limit: int) -> list[ParkedEvent]:
    """What is parked in a schema, up to a limit."""
    rows: list[ParkedEvent] = []
    while len(rows) < limit:
        after = rows[-1].place if rows else None
        page = await parking.parked(pool, schema, after=after, limit=min(PAGE, limit - len(rows)))
        rows += page
        if len(page) < PAGE:
            break
    return rows


async def _found(
    place: Reach, service: str | None, schema: str | None, at: Place
) -> tuple[str, str, ParkedEvent]:
    """The service, the schema, and what is parked there."""
    for name in await _chosen(place, service):
        async with pool_of(place, name) as pool:
            for chosen in await _schemas(pool, name, schema):
                with suppress(NotFound):
                    return name, chosen, await parking.find(pool, chosen, at)
    raise NotFound(f"No event from {at.position()} is parked.")


async def _retry(
    place: Reach, service: str | None, schema: str | None, at: Place | None, wait: float
) -> tuple[int, int]:
    names = await _chosen(place, service)
    if at is not None:
        name, schema, _ = await _found(place, service, schema, at)
        names = [name]
    asked = left = 0
    for name in names:
        async with pool_of(place, name) as pool:
            for chosen in await _schemas(pool, name, schema):
                places = [at] if at else await _all_places(pool, chosen)
                await parking.request_retry(pool, chosen, at)
                if wait:
                    await _until(partial(_answered, pool, chosen), wait)
                there = set(await _all_places(pool, chosen))
                asked, left = asked + len(places), left + len(there.intersection(places))
    return asked, left


async def _discard(
    reached: Reach,
    where: tuple[str | None, str | None],
    at: Place,
    reason: str,
    no_wait: bool,
    wait: float,
) -> bool:
    name, schema, _ = await _found(reached, *where, at)
    async with pool_of(reached, name) as pool:
        await parking.discard(pool, schema, at, reason)

        async def gone() -> bool:
            return at not in await _all_places(pool, schema)

        return await gone() if no_wait else await _until(gone, wait)


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    deadline = monotonic() + seconds
    while not await condition():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(0.2)
    return True


async def _answered(pool: Pool, schema: str) -> bool:
    found = await pool.fetchval("SELECT EXISTS (SELECT FROM retries WHERE schema = $1)", schema)
    return not found


async def _all_places(pool: Pool, schema: str) -> list[Place]:
    """Where all parked events stand; the runtime halts long before there are too many."""
    return [each.place for each in await parking.parked(pool, schema, limit=100_000)]


async def _schemas(pool: Pool, service: str, schema: str | None) -> list[str]:
    """The one that was named, else those that serve: the view's, and that of the policies."""
    if schema is not None:
        return [schema]
    rows = await pool.fetch(_SERVING, [service, policies_of(service)])
    if not rows:
        raise Fatal(f"The service {service} has no view yet; start it once.")
    return [row["schema"] for row in rows]


async def _chosen(place: Reach, service: str | None) -> list[str]:
    """The one that was named, else all that were started once."""
    if service is None:
        return await started(place)
    names = [each.name for each in SERVICES]
    if service not in names:
        raise Fatal(f"There is no service {service}; there are {', '.join(names)}.")
    return [service]


def _document(service: str, event: ParkedEvent) -> dict[str, Any]:
    return {
        "service": service,
        "position": event.place.position(),
        "subject": str(event.subject),
        "reason": event.reason,
        "error": event.error,
        "attempts": event.attempts,
        "since": rfc3339(event.since),
        "tried": rfc3339(event.tried),
    }


def _content(value: bytes) -> dict[str, Any]:
    """The bytes as JSON where they are JSON, else as they are."""
    try:
        return {"event": msgspec.json.decode(value)}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {"bytes": base64.b64encode(value).decode()}


def _names(columns: list[str]) -> list[str]:
    return [name.removeprefix(">") for name in columns]


_SERVING = "SELECT schema FROM live WHERE service = ANY ($1) ORDER BY service"
