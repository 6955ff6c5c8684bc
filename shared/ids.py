"""The only ids: time-ordered ones that a command mints, hashed ones that a replay must repeat."""

import os
import random
import time
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

_VARIANT = 0x8000_0000_0000_0000
_CLEAR = ~(0xF000 << 64 | 0xC000_0000_0000_0000)


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562, version 7): 48 bits of milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | int.from_bytes(os.urandom(10))
    return UUID(int=value & _CLEAR | 0x7000 << 64 | _VARIANT)


def uuid8(digest: bytes) -> UUID:
    """The first 128 bits of a digest as a UUID (RFC 9562, version 8)."""
    value = int.from_bytes(digest[:16])
    return UUID(int=value & _CLEAR | 0x8000 << 64 | _VARIANT)


def uuid8_text(d: str) -> str:
    """The text of `uuid8` from a digest in hexadecimal: for the hot ways."""
    return f"{d[:8]}-{d[8:12]}-8{d[13:16]}-{_VARIANT_DIGIT[d[16]]}{d[17:20]}-{d[20:32]}"


@lru_cache(8_192)  # several ask for that of an event while its batch is worked on
def event_id(source: str, id: str) -> str:
    """The 128-bit name of an event within its subject: a hash of (source, id), as UUID text."""
    return uuid8_text(blake2b(f"{source}\0{id}".encode(), digest_size=16).hexdigest())


_VARIANT_DIGIT = {f"{n:x}": f"{n & 3 | 8:x}" for n in range(16)}


def random_token(size: int = 32) -> bytes:
    """`size` random bytes from the operating system."""
    return os.urandom(size)


_names = random.Random()
"""Seeded by the operating system; for names that are no secret, without a system call."""


def trace_id() -> str:
    """A W3C trace id: 32 lower-case hexadecimal digits."""
    return f"{_names.getrandbits(128):032x}"


def span_id() -> str:
    """A W3C span id: 16 lower-case hexadecimal digits."""
    return f"{_names.getrandbits(64):016x}"
