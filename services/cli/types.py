"""rapport types: what comes in, what is declared of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from services.cli import show
from services.cli.reach import Reach, log_of, pool_of, reach, run
from services.cli.whom import secret_of
from services.contact.consumers import DECLARATIONS, view
from services.contact.declared import observed
from services.contact.declared.commands import Change, declare, rule_of, shown
from services.contact.declared.following import Following
from services.contact.declared.schema import Mode
from services.contact.declared.versions import MAPPING, SCHEMA, Author, Document, Kind
from services.contact.queries import types
from services.contact.trial import Trial
from services.contact.trying import tried
from services.contact.types import TYPES
from shared import serving
from shared.auth import Key
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.errors import Fatal, NotFound, Unprocessable
from shared.log import topic_name

app = typer.Typer(help="Types of event, and what is declared of them.", no_args_is_help=True)

Type = Annotated[str, typer.Argument(metavar="TYPE", help="As it stands in events.")]
File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON.")]
Replace = Annotated[
    int | None, typer.Option(help="The version that is to be replaced, where one stands.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Try it on events that are there; declare nothing.")
]
Sample = Annotated[int, typer.Option(min=1, max=1_000_000, help="Latest events looked at.")]

_ACTOR = Key("cli", frozenset(["ops"]), "service:cli")
_PAGE = 200


@app.command("list")
def listing(
    undeclared: Annotated[
        bool, typer.Option("--undeclared", help="Only those not known and without declaration.")
    ] = False,
    as_json: show.AsJson = False,
) -> None:
    """The types that came in: events, first and last day (UTC), what is declared."""
    found = run(_listed(reach(), undeclared))
    if as_json:
        show.json(found)
        return
    columns = ["type", ">events", "first", "last", "known", "schema", "mapping"]
    show.table(columns, [[_cell(row[name.removeprefix(">")]) for name in columns] for row in found])


@app.command("show")
def one(type_: Type, sample: Sample = 200, as_json: show.AsJson = False) -> None:
    """One type: its fields as observed, the latest event, every version of what is declared."""
    found = run(_shown(reach(), type_, sample))
    if as_json:
        show.json(found)
        return
    show.json({name: value for name, value in found.items() if name != "observed"})
    rows = [[f["field"], ", ".join(f["types"]), f["events"]] for f in found["observed"]["fields"]]
    show.table(["field", "types", ">events"], rows, f"\nOf {found['observed']['events']} events")


@app.command("schema")
def schema(
    type_: Type,
    file: File,
    mode: Annotated[str, typer.Option(help="observe (count) or enforce (refuse).")] = "observe",
    replace: Replace = None,
    dry_run: DryRun = False,
    sample: Sample = 1000,
    as_json: show.AsJson = False,
) -> None:
    """Declare the JSON Schema in FILE for the data of a type; within 5 s it holds."""
    document = {"schema": _read(file), "mode": _mode(mode)}
    _declare(SCHEMA, type_, document, replace, sample if dry_run else None, as_json)


@app.command("map")
def mapping(
    type_: Type,
    file: File,
    replace: Replace = None,
    dry_run: DryRun = False,
    sample: Sample = 1000,
    as_json: show.AsJson = False,
) -> None:
    """Map a foreign type onto one of ours as FILE says; it holds for what comes in from then on."""
    _declare(MAPPING, type_, _read(file), replace, sample if dry_run else None, as_json)


@app.command("forget")
def forget(
    kind: Annotated[str, typer.Argument(help="schema or mapping.")],
    type_: Type,
    replace: Replace = None,
    as_json: show.AsJson = False,
) -> None:
    """Take a declaration back; its versions are kept."""
    match kind:
        case "schema" | "mapping":
            _declare(kind, type_, None, replace, None, as_json)
        case _:
            raise Fatal("Say `schema` or `mapping`.")


def _read(file: Path) -> Document:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Fatal(f"{file} is not a JSON object: {error}.") from None


def _mode(mode: str) -> Mode:
    match mode:
        case "observe" | "enforce":
            return mode
        case _:
            raise Fatal("A mode is observe or enforce.")


def _declare(
    kind: Kind,
    type_: str,
    document: Document | None,
    replace: int | None,
    sample: int | None,
    as_json: bool,
) -> None:
    change = Change(kind, type_, document, replace)
    try:
        answer = run(_declared(reach(), change, sample))
    except Unprocessable as problem:
        where = problem.errors[0].pointer if problem.errors else ""
        raise Fatal(f"{where or 'The document'}: {problem}") from None
    if as_json or not isinstance(answer, Trial):
        show.json(answer.as_dict() if isinstance(answer, Trial) else answer)
        return
    print(f"{answer.checked:,} events looked at, {answer.failing:,} fail; nothing was declared.")
    reasons = answer.as_dict()["reasons"]
    columns = ["pointer", "code", "detail", "events", "position"]
    if reasons:
        show.table(columns, [[reason[name] for name in columns] for reason in reasons])
    for example in answer.examples[:3]:
        show.json(example)


@dataclass(frozen=True)
class Desk:
    """What the commands look at."""

    place: Reach
    pool: Pool
    following: Following

    async def schema(self) -> str:
        made = view(self.place.settings.topic_prefix)
        found = await serving.live_schema(self.pool, made.service, made.version)
        if found is None:
            raise Fatal(f"No view of contact of version {made.version} serves yet.")
        return found


@asynccontextmanager
async def desk(place: Reach) -> AsyncIterator[Desk]:
    """Contact's database, and what is declared. Raises Fatal where one is not there."""
    async with pool_of(place, "contact") as pool, log_of(place) as log:
        generation = await pool.fetchval(
            "SELECT generation FROM topics WHERE topic = $1", DECLARATIONS.name
        )
        topic = topic_name(place.settings.topic_prefix, DECLARATIONS.name, generation or 1)
        partitions = await log.partitions(topic)
        if partitions is None:
            raise Fatal(f"There is no topic {topic}; start the services once.")
        following = Following(log, topic, partitions)
        await following.read()
        yield Desk(place, pool, following)


async def _listed(place: Reach, undeclared: bool) -> list[dict[str, Any]]:
    async with desk(place) as at:
        schema, versions = await at.schema(), at.following.versions
        standing = {kind: versions.standing(kind) for kind in (SCHEMA, MAPPING)}
        without = [*TYPES, *standing[SCHEMA], *standing[MAPPING]] if undeclared else None
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["type"] if found else None
            rows = await types.page(at.pool, schema, after, without, _PAGE)
            found += rows
            if len(rows) < _PAGE:
                break
        for row in found:
            row["known"] = row["type"] in TYPES
            for kind, there in standing.items():
                version = there.get(row["type"])
                row[kind] = version.number if version is not None else None
        return found


async def _shown(place: Reach, type_: str, sample: int) -> dict[str, Any]:
    async with desk(place) as at:
        schema, versions = await at.schema(), at.following.versions
        row = await types.one(at.pool, schema, type_)
        said = {kind: [shown(v) for v in versions.of(kind, type_)] for kind in (SCHEMA, MAPPING)}
        if row is None and not any(said.values()):
            raise NotFound("No event of this type came in, and nothing is declared for it.")
        latest = await types.Latest(at.pool, schema, type_).page(sample)
        return {
            **(row or {"type": type_, "events": 0, "first": None, "last": None}),
            "known": type_ in TYPES,
            "observed": observed.fields(record for _, record in latest),
            "example": msgspec.Raw(latest[0][1].encode()) if latest else None,
            **said,
        }


async def _declared(place: Reach, change: Change, sample: int | None) -> Trial | dict[str, Any]:
    async with desk(place) as at:
        kind, type_, document, _ = change
        if document is None and not at.following.versions.of(kind, type_):
            raise NotFound(f"No {kind} is declared for this type.")
        rule = rule_of(kind, type_, document) if document is not None else None
        if sample is not None and rule is not None:
            schema, secret = await at.schema(), await secret_of(place, at.pool)
            looked = (at.pool, schema, type_, rule, sample)
            return await tried(*looked, secret=secret, key=_ACTOR)
        author = Author(_ACTOR.name, _ACTOR.principal, rfc3339(now()), None)
        version = await declare(at.following, change, author)
        return {"type": type_, "kind": kind, **(shown(version) or {})}


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "-"
    return "-" if value is None else value
