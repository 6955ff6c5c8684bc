"""Where a key may be used from: pages of the origins that it names."""

from shared.auth import Key
from shared.errors import Forbidden


def check_origin(key: Key, origin: bytes | None) -> None:
    """Raises Forbidden where a page of another origin uses a key.

    Browsers always say of which origin a page is; whoever is none may say anything or nothing, so
    this keeps a key out of other pages and protects from nobody else.
    """
    if origin is not None and origin.decode("latin-1").lower() not in key.origins:
        raise Forbidden(f"The key {key.name} is not for pages of this origin.", code="origin")
