"""rapport import: a file of orders, contacts, leads or events, row by row through the door."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from services import banner
from services.cli import show
from services.cli.demo import system
from services.cli.importing import kinds
from services.cli.importing.events import Plan
from services.cli.importing.options import Options, options_of
from services.cli.importing.rows import Rows
from services.cli.importing.sending import SHOWN, Outcome, send
from services.cli.importing.state import Memory, State, content_hash
from services.cli.posting import Client
from services.cli.reach import run
from shared import settings, telemetry
from shared.clock import monotonic
from shared.errors import Fatal


class Kind(StrEnum):
    orders = "orders"
    contacts = "contacts"
    leads = "leads"
    events = "events"


class Format(StrEnum):
    csv = "csv"
    ndjson = "ndjson"
    parquet = "parquet"


class Asked(NamedTuple):
    """What is to be done."""

    file: Path
    kind: str
    form: str | None
    options: Options
    url: str
    key: str
    data: Path
    results: Path | None
    dry_run: bool
    as_json: bool


def command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    kind: Annotated[Kind, typer.Option("--as", help="What a row is.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="Left out: by the name of the file.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN, several times: --map email=E-Mail."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="TOML or JSON: [map] and these options."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Left out: UTF-8.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Left out: found out.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Of moments without an offset; left out: UTC.")
    ] = None,
    time_format: Annotated[
        str | None, typer.Option(help="As strptime has it, or unix; left out: ISO 8601.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="The sign before cents; left out: .")] = None,
    minor: Annotated[bool, typer.Option("--minor", help="Amounts are in minor units.")] = False,
    currency: Annotated[str | None, typer.Option(help="Where no column has it: EUR.")] = None,
    namespace: Annotated[
        str | None, typer.Option(help="Of identifiers; left out: the key's.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Where no column has it.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check every row; nothing is stored.")
    ] = False,
    results: Annotated[
        Path | None, typer.Option(help="Write what became of each row, a line of JSON each.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Of the API; left out: what runs here.")] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Holds an ingest key; left out: keys.json."),
    ] = None,
    as_json: show.AsJson = False,
) -> None:
    """Import a CSV, NDJSON or Parquet file through the door, as orders, contacts, leads or
    events; a row of leads is somebody who asks for something.

    Columns are known by their names, or named with --map; what is mapped to nothing is kept beside,
    of a lead as its own fields (`country` and `region` are its territory). Amounts are decimals in
    major units and become minor units by the currency. A row's event is named by the file's content
    and the row's number: the same file again, under whatever name, changes nothing. After Ctrl-C or
    a kill the same command goes on. Refused rows are in the quarantine. Rows count from 1, the line
    that names the columns left out. Exit codes: 0 all accepted, 1 some refused, 2 the file or the
    system cannot be used, 130 interrupted.
    """
    given = {
        "map": columns,
        "encoding": encoding,
        "delimiter": delimiter,
        "timezone": timezone,
        "time_format": time_format,
        "decimal": decimal,
        "minor": minor,
        "currency": currency,
        "namespace": namespace,
        "channel": channel,
    }
    chosen = settings.load()
    telemetry.configure(chosen.log_format, level=50)
    options = options_of(mapping, given)
    key = _key(key_file, chosen.data)
    there = url or system.found(chosen)
    if there is None:
        raise Fatal("No system runs here; start it, or name it with --url.")
    asked = Asked(
        *(file, kind.value, form.value if form else None, options, there, key, chosen.data),
        *(results, dry_run, as_json),
    )
    if not run(_import(asked)):
        raise typer.Exit(1)


def _key(file: Path | None, data: Path) -> str:
    key = banner.keys(data).get("ingest", "") if file is None else file.read_text().strip()
    if not key:
        raise Fatal("There is no key to ingest in keys.json of the data folder; say --key-file.")
    return key


async def _import(asked: Asked) -> bool:
    """Whether every row was accepted."""
    rows = Rows(asked.file, asked.form, asked.options)
    columns = kinds.columns_of(asked.kind, rows.columns, asked.options)
    lacking = kinds.missing(asked.kind, columns, asked.options) if rows.columns else None
    if lacking is not None:
        raise Fatal(lacking)
    client = Client(asked.url)
    began = monotonic()
    try:
        with _progress(asked.as_json) as bar:
            name = _named(asked, bar)
            before = asked.file.stat()
            source = await _source(client, asked)
            plan = Plan(asked.kind, columns, asked.options, source, name)
            outcome = _outcome(asked, rows, plan, bar)
            try:
                await send(client, asked.key, rows, plan, outcome, validate=asked.dry_run)
            except (KeyboardInterrupt, asyncio.CancelledError):
                if not asked.dry_run:
                    bar.console.print(
                        f"Row {outcome.state.rows:,} is settled; the same command goes on."
                    )
                raise
            finally:
                outcome.close()
        after = asked.file.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise Fatal(f"{asked.file} was changed meanwhile; import it again.")
        outcome.forget()
    finally:
        await client.close()
    _tell(asked, plan, kinds.rest(rows.columns, columns), outcome, monotonic() - began)
    return outcome.state.refused == 0


async def _source(client: Client, asked: Asked) -> str:
    """The source of the events: within the prefix of the key."""
    known = await client.answer("GET", "/v1/keys/self", asked.key)
    own = known["source_prefix"].removesuffix("/") or f"/keys/{known['name']}"
    return f"{own}/import/{asked.kind}"


def _outcome(asked: Asked, rows: Rows, plan: Plan, bar: Progress) -> Outcome:
    memory = None
    if not asked.dry_run:
        about = (asked.options, asked.kind, asked.url, plan.source, str(asked.results))
        memory = Memory(asked.data, plan.name, *about)
    task = bar.add_task("checking" if asked.dry_run else "importing", total=rows.total, rate="")
    began = monotonic()

    def news(state: State) -> None:
        rate = (state.rows - outcome.resumed) / (monotonic() - began)
        said = f"{state.rows:,} rows, {rate:,.0f} rows/s, {state.refused:,} refused"
        bar.update(task, completed=rows.position, rate=said)

    settled = "valid" if asked.dry_run else "accepted"
    outcome = Outcome(memory, asked.results, news, settled)
    return outcome


def _named(asked: Asked, bar: Progress) -> str:
    """The name of the file's content."""
    size = max(1, asked.file.stat().st_size)
    task: TaskID = bar.add_task("reading", total=size, rate="")
    return content_hash(asked.file, lambda count: bar.update(task, advance=count))


@contextmanager
def _progress(quiet: bool) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=show.console(), disable=quiet, speed_estimate_period=10) as bar:
        yield bar


def _tell(asked: Asked, plan: Plan, rest: Sequence[str], outcome: Outcome, seconds: float) -> None:
    state = outcome.state
    told: dict[str, Any] = {
        "file": str(asked.file),
        "as": asked.kind,
        "dry_run": asked.dry_run,
        "source": plan.source,
        "columns": plan.columns,
        "rest": rest,
        "rows": state.rows,
        "went_on_after": outcome.resumed,
        "accepted": state.accepted,
        "refused": state.refused,
        "without_identifier": state.nobody,
        "seconds": round(seconds, 3),
        "problems": outcome.problems,
    }
    if asked.as_json:
        show.json(told)
        return
    columns = [f"{field} = {column}" for field, column in sorted(plan.columns.items())]
    if columns:
        print("Columns: " + ", ".join(columns))
    if rest:
        print(f"Mapped to nothing, kept in {kinds.REST[asked.kind]}: " + ", ".join(rest))
    _print_problems(outcome, state)
    word = "right" if asked.dry_run else "accepted"
    print(f"{state.rows:,} rows: {state.accepted:,} {word}, {state.refused:,} refused.")
    if state.nobody:
        print(f"{state.nobody:,} have no identifier and belong to nobody.")
    if state.refused and not asked.dry_run:
        print("What was refused is in the quarantine.")


def _print_problems(outcome: Outcome, state: State) -> None:
    if outcome.problems:
        show.table(
            [">row", "column", "what is wrong"],
            [
                (each["row"], each.get("column", ""), each.get("detail", ""))
                for each in outcome.problems
            ],
        )
    if state.refused > len(outcome.problems):
        print(f"The first {SHOWN} of this run; --results FILE has all.")
