"""rapport replay: one customer folded anew from the log, beside the live rows."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from services.cli import jobs, show
from services.cli.reach import Reach, log_of, pool_of, reach, run
from services.cli.whom import live_of, subject_given, view_of
from services.profile import replaying
from services.profile.neighbourhood import TooLarge
from services.profile.replaying import Grounds, Plan, Replayed
from shared.comparing import Difference, Row
from shared.errors import Fatal, OffsetLost

LONG = 200
"""Characters of a value that are shown."""

_UNCHANGED = "Nothing was changed, and nobody was told anything."


def command(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="profile.")],
    subject: Annotated[
        str | None, typer.Option(help="The customer's id, or any subject of it.")
    ] = None,
    identifier: Annotated[
        str | None, typer.Option(help="email:jane@example.com or user:shop:42.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Show the events behind each difference.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what there is to look at.")
    ] = False,
    as_json: show.AsJson = False,
) -> None:
    """Fold one customer anew from the log and compare all its rows with the live ones.

    It reads the partitions of the log that the customer's events stand in, as far as the live view
    has folded them, and folds into tables that are thrown away: it changes nothing in any case, and
    nobody is told anything. Rows that the live view is still working on are counted and left out;
    so are parked events, which are named, and those that were given up. What the view lacks
    without any trace of it is only found by `rapport verify`. Exit code 0: no differences; 1:
    differences; 2: it could not be told.
    """
    if service != "profile":
        raise Fatal(f"Customers are folded by the service profile, not by {service}.")
    if (subject is None) == (identifier is None):
        raise Fatal("Name the customer by --subject or by --identifier.")
    whom = subject or identifier or ""
    try:
        found = run(_replay(reach(), whom, dry_run, as_json))
    except TooLarge as error:
        raise Fatal(f"{error} `rapport verify profile` compares all customers.") from error
    except OffsetLost as error:
        raise Fatal(f"It cannot be told: {error}.") from error
    if isinstance(found, Plan):
        _show_plan(found, as_json)
    else:
        _show(found, events, as_json)


async def _replay(place: Reach, whom: str, dry_run: bool, quiet: bool) -> Plan | Replayed:
    async with pool_of(place, "profile") as pool, log_of(place) as log:
        view = view_of(place)
        live = await live_of(pool, view)
        subject = await subject_given(place, pool, whom)
        grounds = Grounds(pool, log, view, place.settings.topic_prefix, live)
        if dry_run:
            return await replaying.plan(grounds, subject)
        with jobs.progress(quiet=quiet) as tell:
            return await replaying.replay(grounds, subject, tell)


def _show_plan(plan: Plan, as_json: bool) -> None:
    said = (
        f"{plan.records:,} records of the log would be read in {plan.partitions} partitions, about "
        f"{plan.events:,} events of {plan.subjects:,} subjects and {plan.neighbours:,} others that "
        f"decide about them folded, and {plan.rows:,} rows of {plan.schema} compared. {_UNCHANGED}"
    )
    if as_json:
        show.json(plan._asdict() | {"said": said})
    else:
        print(said)


def _show(found: Replayed, events: bool, as_json: bool) -> None:
    if as_json:
        show.json(_document(found))
    else:
        _print(found, events)
    whose = (each.rows for each in found.tables if each.table != "disowned")
    if not found.differences and not any(whose):
        raise Fatal("Neither the view nor the log knows anything of this customer.")
    if found.unreadable:
        raise typer.Exit(2)
    if found.differences:
        raise typer.Exit(1)


def _document(found: Replayed) -> dict[str, Any]:
    return {
        "schema": found.schema,
        "customer": found.customers[0],
        "customer_replayed": found.customers[1],
        "subjects": sorted(found.subjects),
        "records": found.records,
        "events": found.events,
        "differences": len(found.differences),
        "left_out": found.left_out,
        "parked": found.parked,
        "unreadable": found.unreadable,
        "tables": [
            {"table": each.table, "rows": each.rows, "differences": len(each.differences)}
            for each in found.tables
        ],
        "first": [_both(difference) | {"events": rows} for difference, rows in found.shown],
    }


def _both(difference: Difference) -> dict[str, Any]:
    document = asdict(difference)
    return document | {"replayed": document.pop("rebuilt"), "columns": difference.columns}


def _print(found: Replayed, events: bool) -> None:
    live, anew = found.customers
    print(f"customer  {live}" + ("" if live == anew else f", anew {anew}"))
    rows = [(each.table, each.rows, len(each.differences)) for each in found.tables]
    show.table(["table", ">rows", ">differences"], rows)
    for difference, behind in found.shown:
        _print_difference(difference, behind if events else [])
    if len(found.differences) > len(found.shown):
        print(f"\n... and {len(found.differences) - len(found.shown):,} more.")
    _print_notes(found)
    print(
        f"{len(found.differences):,} differences; {found.events:,} events folded from "
        f"{found.records:,} records of the log. {_UNCHANGED}"
    )


def _print_notes(found: Replayed) -> None:
    for place in found.parked:
        print(f"Parked, and left out on both sides: {place}.")
    for place in found.unreadable:
        print(f"Not parked, and unreadable for this version: {place}.")
    if found.left_out:
        print(f"{found.left_out:,} rows differ that the live view is still working on; left out.")


def _print_difference(difference: Difference, behind: list[Row]) -> None:
    key = ", ".join(f"{name} {value}" for name, value in difference.key.items())
    print(f"\n{difference.table} of {key}:")
    if difference.live is None or difference.rebuilt is None:
        print("  is not in the " + ("live view" if difference.live is None else "replayed rows"))
    else:
        for name in difference.columns:
            live, anew = (_short(row[name]) for row in (difference.live, difference.rebuilt))
            print(f"  {name}: {live} live, {anew} replayed")
    for event in behind:
        print("  from", *event.values())


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONG else f"{text[:LONG]}..."
