"""What a key may be: its name, scopes, source prefix, types, origins, rate. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.contact import tokens
from shared.auth import PRINCIPAL, PUBLIC, SCOPES
from shared.errors import Fatal

MAX_TYPES = 200
MAX_ORIGINS = 50
MAX_RATE = 10_000_000.0

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_PRINCIPAL = re.compile(PRINCIPAL)


@dataclass(frozen=True)
class Bounds:
    """What a key may do at the door; None and empty: whatever its scope allows."""

    types: Sequence[str] | None = None
    origins: Sequence[str] = ()
    rate: float | None = None
    token_key: str | None = None


def own_source(name: str) -> str:
    """The source of what comes with a key that has no source prefix."""
    return f"/keys/{name}"


def check(
    name: str, scopes: Sequence[str], principal: str, source_prefix: str, bounds: Bounds
) -> None:
    """Raises Fatal, one sentence, for what no key can be."""
    if not _NAME.fullmatch(name):
        raise Fatal(f"{name!r} cannot name a key: 1 to 64 of a-z, 0-9, _ . and -.")
    _check_scopes(scopes)
    if not _PRINCIPAL.fullmatch(principal):
        raise Fatal(f"{principal!r} is not a principal; write kind:id, such as service:shop.")
    if len(source_prefix) > 128 or (source_prefix and not source_prefix.isprintable()):
        raise Fatal("A source prefix has at most 128 characters that can be printed.")
    check_bounds(bounds, public=PUBLIC in scopes)


def _check_scopes(scopes: Sequence[str]) -> None:
    wrong = [scope for scope in scopes if scope not in (*SCOPES, PUBLIC)]
    if wrong or not scopes:
        raise Fatal(f"A key has one or more of the scopes {', '.join((*SCOPES, PUBLIC))}.")
    if PUBLIC in scopes and len(set(scopes)) > 1:
        raise Fatal(f"A key of the scope {PUBLIC} stands in a page: it has no other scope.")


def check_bounds(bounds: Bounds, *, public: bool) -> None:
    """Raises Fatal for bounds that a key cannot have."""
    if public and not bounds.types:
        raise Fatal(f"A key of the scope {PUBLIC} names the event types it may send: --type.")
    if bounds.token_key is not None and not public:
        raise Fatal(f"Only a key of the scope {PUBLIC} takes identity tokens.")
    if bounds.rate is not None and not 0 < bounds.rate <= MAX_RATE:
        raise Fatal(f"A rate is more than 0 and at most {MAX_RATE:,.0f} events a second.")
    _check_types(bounds.types or ())
    _check_origins(bounds.origins)
    if bounds.token_key is not None:
        tokens.check_key(bounds.token_key)


def _check_types(types: Sequence[str]) -> None:
    if len(types) > MAX_TYPES:
        raise Fatal(f"A key names at most {MAX_TYPES} types.")
    for type_ in types:
        if not (0 < len(type_) <= 128 and type_.isprintable()):
            raise Fatal(f"{type_!r} is not an event type, such as page.viewed.")


def _check_origins(origins: Sequence[str]) -> None:
    if len(origins) > MAX_ORIGINS:
        raise Fatal(f"A key names at most {MAX_ORIGINS} origins.")
    for origin in origins:
        if not is_origin(origin):
            raise Fatal(f"{origin!r} is not an origin, such as https://shop.example.")


def is_origin(text: str) -> bool:
    """Whether a text is an origin as browsers write it: scheme, host, port unless usual."""
    parts = urlsplit(text)
    return (
        parts.scheme in ("http", "https")
        and f"{parts.scheme}://{parts.netloc}".lower() == text.lower()
    )
