"""Identifiers of people: kinds in strict order, normalising, the subject that stands for one."""

import hashlib
import re
import unicodedata
from functools import lru_cache
from hashlib import sha256

from shared.ids import uuid8_text

NORMALISER = 1
"""The version of `normalise`; a database records it and a start that differs halts."""

KINDS = ("device", "phone", "email", "loyalty", "crm", "user")
"""The kinds that identify, weakest first. Any other kind is kept and identifies nobody."""

RANK = {kind: rank for rank, kind in enumerate(KINDS)}

WITHOUT_NAMESPACE = frozenset({"email", "phone"})
"""Kinds that mean the same everywhere, so that a namespace is dropped."""

MAX_LENGTH = 512
"""Characters of a normalised value."""

_BLOCKED = re.compile(
    r"[0-]*|-1|null|none|nan|undefined|anonymous|guest|true|false|\[object object\]|\s*",
    re.IGNORECASE,
)
_NOT_A_DIGIT = re.compile(r"\(0\)|[^0-9]")


def normalise(kind: str, value: str) -> str:
    """The one spelling of a value: NFC, trimmed; e-mail in lower case, phone as + and digits."""
    value = value.strip() if value.isascii() else unicodedata.normalize("NFC", value).strip()
    if kind == "email":
        return value.lower()
    if kind == "phone":
        digits = _NOT_A_DIGIT.sub("", value)
        if value.startswith("+"):
            return "+" + digits
        return "+" + digits[2:] if digits.startswith("00") else digits
    return value


def is_blocked(value: str) -> bool:
    """Whether a value is one that systems write for "nobody": it never identifies."""
    return _BLOCKED.fullmatch(value) is not None


def subject(secret: bytes, kind: str, namespace: str, value: str) -> str:
    """The UUID (v8) of a normalised identifier: HMAC-SHA-256 with the deployment's secret."""
    inner, outer = _hmac_states(secret)
    inner, outer = inner.copy(), outer.copy()
    inner.update(f"{kind}\0{namespace}\0{value}".encode())
    outer.update(inner.digest())
    return uuid8_text(outer.hexdigest())


@lru_cache(16)
def _hmac_states(secret: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """HMAC's two hashes with the secret already in them (RFC 2104): copying is the cheap half."""
    key = (sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    return sha256(bytes(b ^ 0x36 for b in key)), sha256(bytes(b ^ 0x5C for b in key))


def subject_of(secret: bytes, kind: str, namespace: str, value: str) -> str | None:
    """The subject of an identifier as it was given; None for one that identifies nobody."""
    if kind not in RANK:
        return None
    value = normalise(kind, value)
    if is_blocked(value):
        return None
    return subject(secret, kind, "" if kind in WITHOUT_NAMESPACE else namespace, value)


def fingerprint(secret: bytes) -> str:
    """What a database may know of the secret: enough to notice another one, no more."""
    return sha256(b"rapport fingerprint\0" + secret).hexdigest()[:32]
