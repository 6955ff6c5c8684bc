"""rapport rebuild: a view folded anew beside the live one; rapport schemas: which are kept."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from services.cli import jobs, show
from services.cli.mates import Workers, mates
from services.cli.reach import pool_of, reach, run
from shared import rebuilding, schemas
from shared.catchup import Ground
from shared.database import in_schema
from shared.errors import Fatal
from shared.schemas import Kept, ends

app = typer.Typer(help="The view schemas that a service keeps.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="SERVICE", help="contact, leads or profile.")]


def command(
    service: Name,
    to_the_former: Annotated[
        bool, typer.Option("--back", help="Let the schema serve again that served before.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Drop what a rebuild has begun and not ended.")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(min=1, help="Events per second at most.", show_default=False)
    ] = None,
    workers: Workers = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what there is to do.")
    ] = False,
    as_json: show.AsJson = False,
) -> None:
    """Fold a view from the start of the log into a second schema, then let that one serve.

    The live one is kept up and read meanwhile; nobody is told anything by folding. Cut off at any
    point, the same command goes on from there. What served until then is folded on for an hour, so
    that `--back` is at once. Exit code 1: another command is at it, or the services run another
    version.
    """
    if sum((to_the_former, cancel, dry_run)) > 1:
        raise Fatal("Take one of --back, --cancel and --dry-run.")
    found = run(_command(service, to_the_former, cancel, rate, workers, dry_run, as_json))
    if as_json:
        show.json(found)
    else:
        print(found["said"])


async def _command(
    name: str,
    to_the_former: bool,
    cancel: bool,
    rate: float | None,
    workers: int,
    dry_run: bool,
    quiet: bool,
) -> dict[str, object]:
    service = jobs.service_of(name)
    beside = mates(name, workers - 1, rate)
    async with jobs.ground_of(reach(), service, rate, beside) as ground:
        if cancel:
            names = await rebuilding.cancel(ground.pool, ground.view)
            said = f"Dropped {', '.join(names)}." if names else "There was nothing to cancel."
            return {"dropped": names, "said": said}
        if dry_run:
            return await _plan(ground)
        with jobs.progress(quiet=quiet) as tell:
            work = rebuilding.back if to_the_former else rebuilding.rebuild
            schema = await work(ground, tell)
        said = f"{schema.name} serves. The former one is folded on for an hour; `--back` returns."
        return {"serves": schema.name, "said": said}


async def _plan(ground: Ground) -> dict[str, object]:
    """How many events there are to fold, and how many rows the live schema has."""
    name = await schemas.live_name(ground.pool, ground.view.service)
    if name is None:
        raise Fatal(f"No view of {ground.view.service} serves yet; start the services once.")
    schema = await schemas.load(ground.pool, name, ground.prefix)
    events = sum((await ends(ground.log, schema)).values())
    counts = await asyncio.gather(
        *(_rows(ground, name, table) for table in sorted(ground.view.metadata.tables))
    )
    rows = sum(counts)
    said = (
        f"{events:,} records would be folded into a new schema beside {name}, which has {rows:,} "
        f"rows in {len(counts)} tables. Nobody would be told anything until it serves; then only "
        "what differs. Nothing was changed."
    )
    return {"live": name, "events": events, "rows": rows, "tables": len(counts), "said": said}


async def _rows(ground: Ground, schema: str, table: str) -> int:
    sql = in_schema(f"SELECT count(*) FROM {{s}}.{table}", schema)
    return int(await ground.pool.fetchval(sql))


@app.command("list")
def list_(service: Name, as_json: show.AsJson = False) -> None:
    """Every schema that a service keeps, and what it is for."""
    found = run(_kept(service))
    if as_json:
        show.json([asdict(kept) for kept in found])
    else:
        show.table(
            ["schema", ">version", "state"],
            [(kept.schema, kept.version, show.state(kept)) for kept in found],
        )


async def _kept(name: str) -> list[Kept]:
    async with pool_of(reach(), jobs.service_of(name).name) as pool:
        return await schemas.keeps(pool, name)


@app.command()
def drop(service: Name, schema: Annotated[str, typer.Argument(metavar="SCHEMA")]) -> None:
    """Drop a schema that does not serve. Exit code 1: it serves, or somebody works on it."""
    run(_drop(service, schema))
    print(f"{schema} is dropped.")


async def _drop(name: str, schema: str) -> None:
    place, service = reach(), jobs.service_of(name)
    async with pool_of(place, name) as pool:
        await rebuilding.drop_kept(pool, service.view(place.settings.topic_prefix), schema)
