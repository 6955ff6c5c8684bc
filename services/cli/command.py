"""The command line: its groups, and errors as one sentence."""

import asyncio
import sys
from collections.abc import Sequence

import typer

from services.cli import (
    demo,
    embedded,
    events,
    explain,
    importing,
    keys,
    openapi,
    parked,
    quarantine,
    rebuild,
    replay,
    restore,
    status,
    topics,
    types,
    verify,
)
from shared.database import ERRORS
from shared.errors import DatabaseUnavailable, Fatal, LogUnavailable, Problem
from shared.outcomes import describe

WRONG, UNTOLD = 1, 2

app = typer.Typer(
    name="rapport",
    help="Look after a Rapport deployment. Settings are environment variables RAPPORT_*; without "
    "addresses it takes the embedded servers of the data folder. Exit codes: 0 fine, 1 something "
    "is wrong, 2 it could not be told or the command was not understood.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("status")(status.command)
app.command("demo")(demo.command)
app.command("import")(importing.command)
app.command("openapi")(openapi.command)
app.add_typer(embedded.app, name="embedded")
app.add_typer(parked.app, name="parked")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(events.app, name="events")
app.add_typer(keys.app, name="keys")
app.add_typer(topics.app, name="topics")
app.add_typer(types.app, name="types")
app.command("rebuild")(rebuild.command)
app.add_typer(rebuild.app, name="schemas")
app.command("verify")(verify.command)
app.command("explain")(explain.command)
app.command("replay")(replay.command)
app.command("restore")(restore.command)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command; whatever stands in its way is one sentence on standard error."""
    try:
        app(words)
    except Problem as problem:
        _end(str(problem), WRONG)
    except Fatal as error:
        _end(str(error), UNTOLD)
    except (LogUnavailable, DatabaseUnavailable) as error:
        _end(f"It cannot be told now: {error}.", UNTOLD)
    except ERRORS as error:
        _end(f"It cannot be told now: {describe(error)}.", UNTOLD)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


def _end(sentence: str, code: int) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(code)
