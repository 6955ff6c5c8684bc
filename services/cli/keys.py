"""rapport keys: who may do what."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from services import banner, instance
from services.cli import show
from services.cli.reach import Reach, pool_of, reach, run
from services.contact import keys
from services.contact.granting import Bounds
from shared.clock import rfc3339
from shared.errors import Fatal

app = typer.Typer(help="The keys of the API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the key is called.")]


Types = Annotated[
    list[str] | None, typer.Option("--type", help="An event type it may send; several times.")
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Origin of pages it may be used from; several times."),
]
Rate = Annotated[float | None, typer.Option(help="Events a second; unset: RAPPORT_RATE.")]
Jwk = Annotated[
    Path | None,
    typer.Option(
        help="File of the JWK by which identity tokens are checked: kty oct with k (HS256, secret) "
        "or kty EC, crv P-256 with x and y (ES256, public).",
        exists=True,
        dir_okay=False,
    ),
]


@app.command()
def create(
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(help="ingest, read, write, ops, several times; or ingest-public alone."),
    ],
    principal: Annotated[
        str | None, typer.Option(help="The actor on every event; unset: service:NAME.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Of identifiers that name none.")] = "",
    source_prefix: Annotated[
        str,
        typer.Option(help="Every source begins with it; unset: for ingest-public /keys/NAME."),
    ] = "",
    types: Types = None,
    origins: Origins = None,
    rate: Rate = None,
    jwk: Jwk = None,
    as_json: show.AsJson = False,
) -> None:
    """Make a key. Its secret is shown once and never again.

    A key of the scope ingest-public may stand in a page or an app: it sends only the types that it
    names, and of the identifiers in its events only `device` counts, unless an identity token
    vouches for others.
    """
    who = principal or f"service:{name}"
    bounds = Bounds(types, origins or (), rate, _text(jwk))
    secret = run(_create(reach(), name, scope, who, namespace, source_prefix, bounds))
    if as_json:
        show.json({"name": name, "secret": secret, "scopes": scope, "principal": who})
    else:
        print(secret)


@app.command("list")
def listing(as_json: show.AsJson = False) -> None:
    """All keys, revoked ones too; no secret is known.

    `former_until`: until then a secret from before a rotation works too.
    """
    found = run(_listed(reach()))
    if as_json:
        show.json(found)
        return
    rows = [[_cell(row[name]) for name in _COLUMNS] for row in found]
    show.table(_COLUMNS, rows)


@app.command()
def change(
    name: Name,
    types: Types = None,
    origins: Origins = None,
    rate: Rate = None,
    jwk: Jwk = None,
    as_json: show.AsJson = False,
) -> None:
    """Give a key other types, origins, another rate or JWK, within 5 s; what is not named stays.

    Exit code 1 where there is none of that name.
    """
    done = run(_change(reach(), name, Bounds(types, origins or (), rate, _text(jwk))))
    _say(name, "changed", done, as_json)


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[
        str, typer.Option(help="For how long the secret until now still works: 90s, 30m, 24h, 7d.")
    ] = "24h",
    as_json: show.AsJson = False,
) -> None:
    """A new secret for a key, shown once; it works at once. Exit code 1 where there is no such key.

    With an overlap of 0s the one until now ends within 5 s.
    """
    kept = _duration(overlap)
    secret = run(_rotate(reach(), name, kept))
    if secret is None:
        _say(name, "rotated", False, as_json)
    elif as_json:
        show.json({"name": name, "secret": secret, "overlap_seconds": kept.total_seconds()})
    else:
        print(secret)


@app.command()
def revoke(name: Name, as_json: show.AsJson = False) -> None:
    """Revoke a key, within 5 s. Exit code 1 where there is none of that name."""
    done = run(_revoke(reach(), name))
    _say(name, "revoked", done, as_json)


@app.command()
def disown(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; kept for ever.")],
    url: Annotated[
        str | None, typer.Option(help="Where the services answer; unset: on this machine.")
    ] = None,
    as_json: show.AsJson = False,
) -> None:
    """Strike out the pairs of a key that leaked: it is revoked, and its pairs no longer count.

    The events stay. Takes the ops key of the data folder. Exit code 1 where there is no such key;
    2 where it is revoked but the services did not answer: then say it again.
    """
    if not reason.strip():
        raise Fatal("Say why: the reason is kept for ever.")
    place = reach()
    position = run(_disown(place, name, reason, url or _url(place)))
    if position is None:
        _say(name, "disowned", False, as_json)
    elif as_json:
        show.json({"name": name, "disowned": True, "position": position})
    else:
        print(f"Revoked, and its pairs no longer count from {position} on.")


_COLUMNS = (
    *("name", "scopes", "principal", "namespace", "source_prefix", "types", "origins", "rate"),
    *("tokens", "created", "rotated", "former_until", "revoked", "disowned"),
)
_MOMENTS = ("created", "rotated", "former_until", "revoked", "disowned")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST_DAYS = 366


def _duration(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in _SECONDS and len(number) < 10):
        raise Fatal(f"{text!r} is not a duration: write 90s, 30m, 24h or 7d.")
    found = timedelta(seconds=int(number) * _SECONDS[unit])
    if found > timedelta(days=_MOST_DAYS):
        raise Fatal(f"An overlap is at most {_MOST_DAYS} days.")
    return found


def _text(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"{path} cannot be read: {error}.") from None


def _say(name: str, what: str, done: bool, as_json: bool) -> None:
    if as_json:
        show.json({"name": name, what: done})
    else:
        print(f"{what.capitalize()}." if done else f"There is no key named {name} in use.")
    if not done:
        raise typer.Exit(1)


async def _create(
    place: Reach,
    name: str,
    scopes: list[str],
    principal: str,
    namespace: str,
    prefix: str,
    bounds: Bounds,
) -> str:
    async with pool_of(place, "contact") as pool:
        return await keys.create(
            *(pool, name, scopes, principal),
            namespace=namespace,
            source_prefix=prefix,
            bounds=bounds,
        )


async def _change(place: Reach, name: str, changes: Bounds) -> bool:
    async with pool_of(place, "contact") as pool:
        return await keys.change(pool, name, changes)


async def _rotate(place: Reach, name: str, overlap: timedelta) -> str | None:
    async with pool_of(place, "contact") as pool:
        return await keys.rotate(pool, name, overlap)


def _url(place: Reach) -> str:
    """Where the services of this data folder answer."""
    noted = instance.find(place.settings.data)
    return noted.url if noted else f"http://{place.settings.host}:{place.settings.port}"


async def _disown(place: Reach, name: str, reason: str, url: str) -> str | None:
    """Revoke first, then tell, then note it: whoever is stopped between says it again."""
    async with pool_of(place, "contact") as pool:
        if not await keys.is_there(pool, name):
            return None
        await keys.revoke(pool, name)
        position = await _tell(url, _operator(place), name, reason)
        await keys.disown(pool, name, reason)
    return position


def _operator(place: Reach) -> str:
    secret = banner.keys(place.settings.data).get("ops")
    if secret is None:
        raise Fatal(
            "There is no key to ops in keys.json of the data folder; "
            "set RAPPORT_DATA to the folder of the running system."
        )
    return secret


async def _tell(url: str, secret: str, name: str, reason: str) -> str:
    """The position of the event. Raises Fatal where it was not taken."""
    body = {"key": name, "reason": reason}
    headers = {"Authorization": f"Bearer {secret}"}
    again = f"The key {name} is revoked, but its pairs still count; say it again"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10.0) as client:
            answer = await client.post("/v1/key-disownments", json=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Fatal(f"{again}: {url} does not answer ({error}).") from None
    if answer.status_code != 202:
        raise Fatal(f"{again}: {url} answered {answer.status_code}: {answer.text}")
    return str(answer.json()["position"])


async def _listed(place: Reach) -> list[dict[str, Any]]:
    async with pool_of(place, "contact") as pool:
        rows = await keys.listed(pool)
    return [
        row | {name: rfc3339(row[name]) if row[name] else None for name in _MOMENTS} for row in rows
    ]


async def _revoke(place: Reach, name: str) -> bool:
    async with pool_of(place, "contact") as pool:
        return await keys.revoke(pool, name)


def _cell(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if isinstance(value, bool):
        value = "yes" if value else ""
    return "-" if value in (None, "") else str(value)
