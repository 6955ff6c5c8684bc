"""What a start tells people: where things are, the keys, and lines to paste."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from shared.database import without_password
from shared.opening import Addresses
from shared.schemas import Progress

KEYS_FILE = "keys.json"

_EVENT = {
    "type": "order.placed",
    "source": "/web/shop",
    "id": "order-1001",
    "data": {
        "channel": "web",
        "identifiers": [
            {"kind": "user", "namespace": "shop", "value": "42"},
            {"kind": "email", "value": "jane@example.com"},
        ],
        "order": "1001",
        "amount": 4990,
        "currency": "EUR",
    },
}


def keys(data: Path) -> dict[str, str]:
    """The keys of the first start, by scope; none where the file is not there or not ours."""
    try:
        found = json.loads((data / KEYS_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def whole(url: str, data: Path, addresses: Addresses) -> str:
    """Everything a newcomer needs, as plain text that can be pasted."""
    known = keys(data)
    embedded = " (embedded)" if addresses.embedded else ""
    database = addresses.database
    local = "?host=/" in database  # a socket on this machine, that takes no password
    return "\n".join(
        [
            "",
            "Rapport is ready.",
            "",
            f"  API         {url}/v1/",
            f"  its docs    {url}/docs",
            f"  health      {url}/readyz   metrics {url}/metrics",
            f"  Kafka       {addresses.kafka}{embedded}",
            f"  PostgreSQL  {database if local else without_password(database)}",
            "",
            *_keys(known, data),
            "",
            "Post an event:",
            _post(url, known.get("ingest", "$INGEST_KEY")),
            "",
            "Read the profile it made:",
            _read(url, known.get("read", "$READ_KEY")),
            "",
            "Ctrl-C stops it.",
            "",
        ]
    )


def one(name: str, url: str, *, api: bool, worker: bool) -> str:
    """The line of a service that was started alone."""
    does = " and ".join(word for word, wanted in (("API", api), ("worker", worker)) if wanted)
    return f"The service {name} ({does}) is ready at {url}."


def building(name: str, schema: str, progress: Progress) -> str:
    """A line of progress for a view that does not serve yet."""
    share = 100 * progress.folded // progress.end if progress.end else 0
    return (
        f"{name}: building the view {schema}: "
        f"{progress.folded:,} of {progress.end:,} events ({share} %)"
    )


def built(name: str, schema: str) -> str:
    """The line that ends the progress."""
    return f"{name}: the view {schema} serves."


def _keys(known: Mapping[str, str], data: Path) -> list[str]:
    if not known:
        return ["Keys were made before; `rapport keys create` makes more."]
    return [f"Keys ({data / KEYS_FILE}):", *(f"  {k:7} {v}" for k, v in known.items())]


def _post(url: str, key: str) -> str:
    body = shlex.quote(json.dumps(_EVENT, separators=(",", ":")))
    return (
        f"curl -sS {url}/v1/events -H 'Authorization: Bearer {key}' "
        f"-H 'Content-Type: application/json' -d {body}"
    )


def _read(url: str, key: str) -> str:
    target = shlex.quote(f"{url}/v1/customers?identifier=email:jane@example.com&timeline=10")
    return f"curl -sS {target} -H 'Authorization: Bearer {key}'"
