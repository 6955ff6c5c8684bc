"""Which dialect a request to POST /v1/events speaks."""

from functools import lru_cache
from urllib.parse import parse_qsl

from services.contact import cloudevents
from services.contact.dialect import Dialect, Names
from services.contact.faults import Refusal
from services.contact.intake import Sending
from services.contact.reading import Event, is_array, read, read_array, split
from shared.errors import UnsupportedMedia

_BY_MEDIA = {
    "application/cloudevents-batch+json": cloudevents.BATCH,
    "application/cloudevents+json": cloudevents.STRUCTURED,
}
_FOREIGN = "application/cloudevents"


def _read(body: bytes, _: Names, __: Sending) -> Event | list[Event | Refusal]:
    return read_array(body) if is_array(body) else read(body)


NATIVE = Dialect(_read, split)


def dialect_of(names: Names) -> Dialect | UnsupportedMedia:
    """The dialect of a request by its headers, or why there is none."""
    return _choose(
        names.get(b"content-type", b""),
        b"ce-id" in names and names.keys() >= cloudevents.HEADERS,
    )


@lru_cache(64)
def _choose(content_type: bytes, binary: bool) -> Dialect | UnsupportedMedia:
    media, _, parameters = content_type.decode("latin-1").lower().partition(";")
    media = media.strip()
    if binary and not media.startswith(_FOREIGN):
        return cloudevents.BINARY
    dialect = NATIVE if media == "application/json" else _BY_MEDIA.get(media)
    if dialect is None:
        return UnsupportedMedia(
            "Send events as `application/json`, or as CloudEvents: `application/cloudevents+json`, "
            "`application/cloudevents-batch+json`, or any type with the headers `ce-id`, "
            "`ce-source`, `ce-specversion` and `ce-type`."
        )
    charset = dict(parse_qsl(parameters.replace(" ", ""), separator=";")).get("charset", "utf-8")
    return dialect if charset.strip('"') == "utf-8" else UnsupportedMedia("JSON is UTF-8.")
