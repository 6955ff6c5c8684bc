"""What is asked of the door: one request, whoever sends it and in whatever dialect."""

import msgspec

from services.contact import adapters, refused, tokens
from services.contact.attributes import own_source
from services.contact.body import Body
from services.contact.dialect import Names
from services.contact.intake import Sending
from services.contact.segment import requests as segment
from shared.auth import PUBLIC, Key
from shared.clock import now, rfc3339


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One request: what it says of all its events, its body and headers, and what it wants."""

    sending: Sending
    body: bytes
    names: Names
    validate: bool = False
    token: str | None = None  # in which somebody vouches for identifiers
    path: str = refused.EVENTS


def way_of(asked: Asked, around: tuple[bytes, bytes] | None = None) -> refused.Way:
    """Which way it came, for what is refused of it; `around` is what stood around its events."""
    key, path, source = asked.sending.key, asked.path, None
    if path in segment.BY_PATH:
        source = segment.source_of(key)
    elif path in adapters.BY_PATH:
        source = own_source(key, path.rpartition("/")[2])
    return refused.Way(path, around, source)


def sending_of(key: Key, trace: str) -> Sending:
    """What a request that is there now says of its events."""
    moment = rfc3339(now())  # it has reached us, and is appended at once
    return Sending(key, moment, moment, trace)


def asked_by(
    key: Key, trace: str, body: Body, validate: bool = False, path: str = refused.EVENTS
) -> Asked:
    """What is asked where headers say who asks; only public keys need others to vouch."""
    token = body.names.get(tokens.HEADER) if PUBLIC in key.scopes else None
    said = None if token is None else token.decode("latin-1")
    return Asked(sending_of(key, trace), body.content, body.names, validate, said, path)


def header_in(body: bytes, names: Names) -> bytes:
    """The header of the write key that stands in a body; without one that which came."""
    secret = segment.write_key(body)
    return names.get(b"authorization", b"") if secret is None else as_header(secret)


def as_header(secret: str) -> bytes:
    """The header that a secret stands in."""
    return b"Bearer " + secret.encode()
