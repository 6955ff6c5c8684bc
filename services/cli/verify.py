"""rapport verify: a view folded anew beside the live one, and compared with it row by row."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from services.cli import jobs, show
from services.cli.mates import Workers, mates
from services.cli.reach import Reach, reach, run, started
from shared.verifying import Shown, Verdict, verify

LONG = 200
"""Characters of a value that are shown."""


def command(
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help="contact, leads, profile or all.")
    ],
    sample: Annotated[
        int, typer.Option(min=1, help="Fold 1 in so many subjects; 1 folds all.")
    ] = 1,
    rate: Annotated[
        float | None, typer.Option(min=1, help="Events per second at most.", show_default=False)
    ] = None,
    workers: Workers = 1,
    as_json: show.AsJson = False,
) -> None:
    """Fold the log anew beside the live view, to the same checkpoints, and compare every row.

    The live view serves and goes on meanwhile; the second one is dropped at the end. Rows of the
    second stage that the live view still works on are counted and left out. With --sample only the
    tables kept by subject are compared, for 1 in so many subjects. Exit code 0: no differences; 1:
    differences; 2: it could not be told.
    """
    names = run(started(reach())) if service == "all" else [service]
    found = [run(_verify(reach(), name, sample, rate, workers, as_json)) for name in names]
    if as_json:
        show.json([_document(each) for each in found])
    else:
        for verdict in found:
            _print(verdict)
    if any(verdict.differences for verdict in found):
        raise typer.Exit(1)


async def _verify(
    place: Reach, name: str, sample: int, rate: float | None, workers: int, quiet: bool
) -> Verdict:
    beside = mates(name, workers - 1, rate)
    async with jobs.ground_of(place, jobs.service_of(name), rate, beside) as ground:
        with jobs.progress(quiet=quiet) as tell:
            return await verify(ground, tell, sample)


def _document(verdict: Verdict) -> dict[str, Any]:
    return {
        "schema": verdict.schema,
        "events": verdict.events,
        "rows": verdict.rows,
        "differences": verdict.differences,
        "left_out": verdict.left_out,
        "tables": [
            {"table": each.table, "rows": each.rows, "differences": len(each.differences)}
            for each in verdict.tables
        ],
        "first": [asdict(each) for each in verdict.shown],
    }


def _print(verdict: Verdict) -> None:
    rows = [(each.table, each.rows, len(each.differences)) for each in verdict.tables]
    show.table(["table", ">rows", ">differences"], rows, title=f"{verdict.schema}:")
    for shown in verdict.shown:
        _print_difference(shown)
    if verdict.left_out:
        print(f"{verdict.left_out:,} rows differ that the live view is still working on; left out.")
    print(
        f"{verdict.differences:,} differences in {verdict.rows:,} rows "
        f"folded from {verdict.events:,} records."
    )


def _print_difference(shown: Shown) -> None:
    one = shown.difference
    key = ", ".join(f"{name} {value}" for name, value in one.key.items())
    print(f"\n{one.table} of {key}:")
    if one.live is None or one.rebuilt is None:
        print("  is not in the " + ("live view" if one.live is None else "rebuilt view"))
    else:
        for name in one.columns:
            print(f"  {name}: {_short(one.live[name])} live, {_short(one.rebuilt[name])} rebuilt")
    for event in shown.events:
        words = " ".join(f"{event[name]}" for name in event)
        print(f"  from {words}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONG else f"{text[:LONG]}..."
