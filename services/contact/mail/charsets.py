"""Bytes of mail as text, whatever their charset claims to be. Pure."""

import binascii
import codecs
import re
from itertools import groupby

_REFUSED = frozenset(("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"))
"""Codecs that are no charset of mail; some take time that grows with the square of the text."""

_SINGLE = ("ascii", "iso8859", "cp125", "cp437", "cp85", "koi8", "mac")
_LATIN = frozenset(("ascii", "iso8859-1"))
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]{0,4096})\?=")


def text_of(raw: bytes, charset: str | None) -> str:
    """The text: valid UTF-8 is that, whichever charset of single bytes is named; nothing fails."""
    known = _known(charset)
    for name in _candidates(known):
        try:
            return clean(raw.decode(name))
        except UnicodeError:
            continue
    return clean(raw.decode("utf-8", "replace"))


def _known(charset: str | None) -> str:
    try:
        name = codecs.lookup((charset or "utf-8").strip().strip("\"'")[:64]).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _is_of_text(name) else "utf-8"


def _is_of_text(name: str) -> bool:
    """Whether a codec is a charset of mail."""
    if name.replace("_", "-") in _REFUSED:
        return False
    try:
        b"ab".decode(name)
    except UnicodeDecodeError:
        return True  # it is one, and this is not in it
    except LookupError:
        return False  # it makes bytes of bytes
    return True


def _candidates(known: str) -> tuple[str, ...]:
    if known in _LATIN or known == "utf-8":
        return "utf-8", "cp1252", "latin-1"
    return ("utf-8", known) if known.startswith(_SINGLE) else (known, "utf-8")


def clean(text: str) -> str:
    """The text without what cannot be kept: control characters, lone surrogates."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return _CONTROL.sub("", text)


def line_of(value: bytes) -> str:
    """The text of a header as it stands, its encoded words not yet read."""
    return " ".join(text_of(value, None).split())


def words_of(line: str) -> str:
    """The text of a header with its encoded words (RFC 2047) read.

    Words that follow each other are one text: a character may be split between two of them.
    """
    found: list[tuple[str | None, bytes, str]] = []
    at = 0
    for match in _WORD.finditer(line):
        between = line[at : match.start()]
        if between.strip() or not found:
            found.append((None, b"", between))
        found.append((match[1].partition("*")[0].lower(), _unpacked(match[2], match[3]), ""))
        at = match.end()
    found.append((None, b"", line[at:]))
    text = ""
    for charset, run in groupby(found, key=lambda word: word[0]):
        words = list(run)
        plain = "".join(word[2] for word in words)
        text += plain if charset is None else text_of(b"".join(w[1] for w in words), charset)
    return " ".join(clean(text).split())


def _unpacked(encoding: str, encoded: str) -> bytes:
    raw = encoded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    return from_base64(raw)


def from_base64(raw: bytes) -> bytes:
    """Base64 as far as it goes: foreign characters are left out, a broken end too."""
    kept = raw.translate(None, _NOT_BASE64).partition(b"=")[0]
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))
