"""rapport quarantine: what was refused at the door, fixed and driven, or given up."""

import base64
import sys
from collections import Counter as Tally
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from services.cli import refused, show
from services.cli.reach import reach, run
from services.contact.patching import Fix
from services.contact.queries.quarantine import STATES, Chosen
from shared.errors import Fatal

SHOWN = 20
"""Items that stay as they are and are listed."""

app = typer.Typer(help="What was refused at the door.", no_args_is_help=True)

Id = Annotated[UUID, typer.Argument(help="As `list` shows it.")]
SomeId = Annotated[UUID | None, typer.Argument(help="As `list` shows it.")]
Code = Annotated[str | None, typer.Option("--code", help="Code of the first reason.")]
KeyName = Annotated[str | None, typer.Option("--key", help="Name of the key that sent it.")]
Source = Annotated[str | None, typer.Option("--source", help="Source that the event names.")]
Since = Annotated[datetime | None, typer.Option("--from", help="First received from then on, UTC.")]
Until = Annotated[datetime | None, typer.Option("--to", help="First received before then, UTC.")]
Patch = Annotated[
    Path | None,
    typer.Option("--patch", help="File with a JSON Patch (RFC 6902); - is standard input."),
]
Header = Annotated[
    list[str] | None,
    typer.Option("--header", help="name=value: set; name: take away. Several times."),
]


@app.command("list")
def listing(
    code: Code = None,
    key: KeyName = None,
    source: Source = None,
    state: Annotated[str, typer.Option(help="open, driven, discarded or any.")] = "open",
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Items at most.")] = 50,
    as_json: show.AsJson = False,
) -> None:
    """What was refused, newest first. Exit code 1 when there is anything."""
    if state not in (*STATES, "any"):
        raise Fatal(f"There is no state {state}; there are {', '.join(STATES)} and any.")
    chosen = _chosen(code, key, source, since, until, None if state == "any" else state)
    found = run(refused.listed(reach(), chosen, limit))
    if as_json:
        show.json(found)
    else:
        columns = ["received", "id", "key", "source", "code", ">size", "state"]
        names = [name.removeprefix(">") for name in columns]
        rows = [[*(one[name] for name in names), _why(one["reasons"])] for one in found]
        show.table([*columns, "why"], rows)
    if found:
        raise typer.Exit(1)


@app.command("show")
def one(id: Id, as_json: show.AsJson = False) -> None:
    """One item with its exact bytes, as text where they are text."""
    found = run(refused.one(reach(), str(id)))
    if as_json:
        show.json(found)
        return
    for name in ("id", "received", "key", "source", "type", "path", "content_type", "size"):
        print(f"{name:13} {found[name]}")
    for name in ("headers", "around", "state", "closed", "closed_by", "outcome", "position"):
        if found[name]:
            print(f"{name:13} {found[name]}")
    for reason in found["reasons"]:
        print(f"{'reason':13} {reason['code']} {reason['pointer']}: {reason['detail']}")
    _print_bytes(found["bytes"])


@app.command()
def fix(id: Id, patch: Patch = None, header: Header = None, as_json: show.AsJson = False) -> None:
    """Try a fix: show what would be sent and what would become of it; nothing is stored.

    Exit code 1 where it would be refused. `drive` with the same options does it.
    """
    found = run(refused.drive_one(reach(), str(id), _fix(patch, header), dry_run=True))
    if as_json:
        show.json(found)
    else:
        print(_said(found))
        _print_bytes(found.get("bytes"))
    if found["status"] == "refused":
        raise typer.Exit(1)


@app.command()
def drive(
    id: SomeId = None,
    code: Code = None,
    key: KeyName = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    patch: Patch = None,
    header: Header = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try it; store nothing.")] = False,
    as_json: show.AsJson = False,
) -> None:
    """Send one item, or all open ones of a --code, through the door again, fixed or as they are.

    It can be interrupted and begun anew: what is driven is no longer open, and never counts twice.
    Exit code 1 where something is refused again.
    """
    chosen, fixing = _one_or_all(id, code, key, source, since, until), _fix(patch, header)
    if chosen is None:
        results = [run(refused.drive_one(reach(), str(id), fixing, dry_run=dry_run))]
    else:
        results = run(refused.drive_all(reach(), chosen, fixing, dry_run, quiet=as_json))
    if as_json:
        show.json(results)
    elif id is not None:
        print(_said(results[0]))
    else:
        _print_results(results)
    if any(one["status"] in ("refused", "unchanged") for one in results):
        raise typer.Exit(1)


@app.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why it is given up; kept for ever.")],
    id: SomeId = None,
    code: Code = None,
    key: KeyName = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    as_json: show.AsJson = False,
) -> None:
    """Give one item up, or all open ones of a --code. In the log they stay."""
    if not reason:
        raise Fatal("Say why it is given up.")
    chosen = _one_or_all(id, code, key, source, since, until)
    if chosen is None:
        run(refused.discard_one(reach(), str(id), reason))
        number = 1
    else:
        number = run(refused.discard_all(reach(), chosen, reason, quiet=as_json))
    if as_json:
        show.json({"discarded": number})
    else:
        print(f"Given up: {number:,}.")


# What is asked for


def _chosen(
    code: str | None,
    key: str | None,
    source: str | None,
    since: datetime | None,
    until: datetime | None,
    state: str | None = None,
) -> Chosen:
    return Chosen(_in_utc(since), _in_utc(until), key, source, code, state)


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _one_or_all(
    id: UUID | None,
    code: str | None,
    key: str | None,
    source: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Chosen | None:
    """Which items; None: the one that is named."""
    if (id is None) == (code is None):
        raise Fatal("Name one item by its id, or all that were refused for a --code.")
    return None if code is None else _chosen(code, key, source, since, until)


def _fix(patch: Path | None, headers: Iterable[str] | None) -> Fix:
    steps = None
    if patch is not None:
        try:
            raw = sys.stdin.buffer.read() if str(patch) == "-" else patch.read_bytes()
            steps = msgspec.json.decode(raw, type=list[dict[str, Any]])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Fatal(f"{patch} is no JSON Patch: {error}.") from None
    given = [header.partition("=") for header in headers or ()]
    named = {name.lower(): value if sign else None for name, sign, value in given}
    return Fix(steps, named or None)


# What is printed


def _why(reasons: list[dict[str, str]]) -> str:
    return f"{reasons[0]['pointer']} {reasons[0]['detail']}".strip() if reasons else "-"


def _said(result: dict[str, Any]) -> str:
    if "reasons" in result:
        return f"{result['status']}: {_why(result['reasons'])}"
    events = [f"{one['id']} {one.get('position', '')}".strip() for one in result.get("events", ())]
    return f"{result['status']}: {', '.join(events) or 'before'}"


def _print_results(results: list[dict[str, Any]]) -> None:
    for status, number in Tally(one["status"] for one in results).items():
        print(f"{status}: {number:,}")
    found = [one for one in results if "reasons" in one]
    if found:
        show.table(["id", "why"], [[one["id"], _why(one["reasons"])] for one in found[:SHOWN]])


def _print_bytes(encoded: str | None) -> None:
    if encoded is None:
        print("Its bytes stand in the log alone.")
        return
    raw = base64.b64decode(encoded)
    try:
        print(raw.decode())
    except UnicodeDecodeError:
        print(f"base64: {encoded}")
