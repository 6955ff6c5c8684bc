"""rapport embedded: the two servers alone, for services that are started one by one."""

import typer

from services.cli import show
from shared import embedded, settings

app = typer.Typer(
    help="The embedded Kafka and PostgreSQL of the data folder, alone.", no_args_is_help=True
)


@app.command()
def start(as_json: show.AsJson = False) -> None:
    """Start both, to stay until `stop`."""
    chosen = settings.load()
    found = embedded.start(chosen.data, keep=True)
    if as_json:
        show.json({"kafka": found.kafka, "database": found.database})
        return
    print(f"Kafka       {found.kafka}\nPostgreSQL  {found.database}")
    print("Services started with RAPPORT_DATA on this folder find them.")


@app.command()
def stop(as_json: show.AsJson = False) -> None:
    """Stop both, whoever started them; nothing is lost."""
    ran = embedded.stop(settings.load().data)
    if as_json:
        show.json({"stopped": ran})
    else:
        print("Stopped." if ran else "They were not running.")


@app.command()
def status(as_json: show.AsJson = False) -> None:
    """Whether they run, and where. Exit code 1 when one of them does not."""
    found = embedded.status(settings.load().data)
    if as_json:
        show.json([{**each._asdict(), "folder": str(each.folder)} for each in found])
    else:
        rows = [(each.name, "runs" if each.running else "stopped", *_place(each)) for each in found]
        show.table(["server", "state", "process", "address", "folder"], rows)
    if not all(each.running for each in found):
        raise typer.Exit(1)


def _place(server: embedded.Status) -> tuple[str, str, str]:
    return (str(server.pid or "-"), server.address or "-", str(server.folder))
