"""Cursors of lists: opaque, signed, a place in a sorted list rather than a number of rows."""

import base64
import binascii
import hmac

import msgspec

from shared.http import wrong_parameter

_MAC = 12


class Cursors:
    """Writes and reads cursors with a key derived from the deployment's secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"rapport cursors", "sha256")

    def write(self, listing: str, place: list[str | int | None]) -> str:
        """A cursor after `place` (the sort key of the last item); good for this listing only.

        `listing` names the list and everything that chose its items: path, filters, sort.
        """
        body = msgspec.json.encode(place)
        return base64.urlsafe_b64encode(self._mac(listing, body) + body).decode().rstrip("=")

    def read(self, listing: str, cursor: str | None) -> list[str | int | None] | None:
        """The place behind a cursor, None for none. Raises Unprocessable for a foreign one."""
        if cursor is None:
            return None
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raise _foreign() from None
        mac, body = text[:_MAC], text[_MAC:]
        if not hmac.compare_digest(mac, self._mac(listing, body)):
            raise _foreign()
        return msgspec.json.decode(body, type=list[str | int | None])

    def _mac(self, listing: str, body: bytes) -> bytes:
        return hmac.digest(self._key, listing.encode() + b"\0" + body, "sha256")[:_MAC]


def _foreign() -> Exception:
    return wrong_parameter(
        "cursor", "cursor", "This cursor was not made for this list; begin without one."
    )
