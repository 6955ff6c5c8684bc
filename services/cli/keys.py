"""rapport keys: who may do what."""

from typing import Annotated, Any

import typer

from services.cli import show
from services.cli.reach import Reach, pool_of, reach, run
from services.contact import keys
from shared.clock import rfc3339

app = typer.Typer(help="The keys of the API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the key is called.")]


@app.command()
def create(
    name: Name,
    scope: Annotated[list[str], typer.Option(help="ingest, read, write or ops; several times.")],
    principal: Annotated[
        str | None, typer.Option(help="The actor on every event; unset: service:NAME.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Of identifiers that name none.")] = "",
    source_prefix: Annotated[str, typer.Option(help="Every source begins with it.")] = "",
    as_json: show.AsJson = False,
) -> None:
    """Make a key. Its secret is shown once and never again."""
    who = principal or f"service:{name}"
    secret = run(_create(reach(), name, scope, who, namespace, source_prefix))
    if as_json:
        show.json({"name": name, "secret": secret, "scopes": scope, "principal": who})
    else:
        print(secret)


@app.command("list")
def listing(as_json: show.AsJson = False) -> None:
    """All keys, revoked ones too; no secret is known."""
    found = run(_listed(reach()))
    if as_json:
        show.json(found)
        return
    columns = ["name", "scopes", "principal", "namespace", "source_prefix", "created", "revoked"]
    rows = [[_cell(row[name]) for name in columns] for row in found]
    show.table(columns, rows)


@app.command()
def revoke(name: Name, as_json: show.AsJson = False) -> None:
    """Revoke a key, within 5 s. Exit code 1 where there is none of that name."""
    done = run(_revoke(reach(), name))
    if as_json:
        show.json({"name": name, "revoked": done})
    else:
        print("Revoked." if done else f"There is no key named {name} that is not revoked.")
    if not done:
        raise typer.Exit(1)


async def _create(
    place: Reach, name: str, scopes: list[str], principal: str, namespace: str, prefix: str
) -> str:
    async with pool_of(place, "contact") as pool:
        return await keys.create(
            pool, name, scopes, principal, namespace=namespace, source_prefix=prefix
        )


async def _listed(place: Reach) -> list[dict[str, Any]]:
    async with pool_of(place, "contact") as pool:
        rows = await keys.listed(pool)
    return [
        row | {name: rfc3339(row[name]) if row[name] else None for name in ("created", "revoked")}
        for row in rows
    ]


async def _revoke(place: Reach, name: str) -> bool:
    async with pool_of(place, "contact") as pool:
        return await keys.revoke(pool, name)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value in (None, "") else str(value)
