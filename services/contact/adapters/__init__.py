"""Touch points that speak in a way of their own; how to write another: docs/adapters.md."""

from services.contact.adapters.calls import CALLS
from services.contact.adapters.chats import CHATS
from services.contact.dialect import Dialect
from services.contact.mail.message import MAIL

BY_PATH: dict[str, Dialect] = {"/v1/mail": MAIL, "/v1/calls": CALLS, "/v1/chats": CHATS}
"""The dialect of each operation."""
