"""Whether a program sent a message, and by what that is seen. Pure."""

from services.contact.mail.headers import Headers, Kind, line

_PRECEDENCE = frozenset(("bulk", "junk", "list", "auto_reply"))
_LIST = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "list-help",
    "list-subscribe",
    "list-owner",
    "list-archive",
)


def signs(headers: Headers, return_path: str | None) -> list[str]:
    """The headers that say so: RFC 3834, RFC 2919 and RFC 2369, and what programs are known to add.

    `return_path` is the sender on the envelope: empty in all that must not be answered, None where
    it is not known.
    """
    said = line(headers, "auto-submitted").lower().partition(";")[0].partition("(")[0].strip()
    suppress = line(headers, "x-auto-response-suppress").lower().strip()
    found = {
        "auto-submitted": said not in ("", "no"),
        "precedence": line(headers, "precedence").lower().strip() in _PRECEDENCE,
        "x-auto-response-suppress": suppress not in ("", "none"),
        "x-autoreply": "x-autoreply" in headers,
        "return-path": return_path == "",
        "content-type": Kind(headers).media == "multipart/report",
        **{name: name in headers for name in _LIST},
    }
    return [name for name, is_so in found.items() if is_so]
