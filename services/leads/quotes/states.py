"""What an opportunity and a quote are after their events."""

from msgspec import Struct

from services.leads.quotes.events import Channel, Content, Version
from shared.messages import Identifier


class Undescribed(Struct, frozen=True, tag=True):
    """Nothing is known of the commercial side of a lead."""


class Described(Struct, frozen=True, tag=True):
    lead: str
    content: Content
    since: str


Opportunity = Undescribed | Described


class Unwritten(Struct, frozen=True, tag=True):
    """There is no such quote."""


class Sending(Struct, frozen=True):
    """How a version went out; `digest` is that of its document, made with `template`."""

    version: int
    at: str
    channel: Channel
    digest: str
    template: int
    recipient: str | None = None


class Known(Struct, frozen=True, omit_defaults=True):
    """What is known of a quote: all its versions, the latest last, and what was sent of them."""

    lead: str
    number: str
    drafted: str
    versions: tuple[Version, ...]
    sendings: tuple[Sending, ...] = ()

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    def offer(self, version: int) -> Version | None:
        return self.versions[version - 1] if 0 < version <= len(self.versions) else None


class Open(Struct, frozen=True, tag=True):
    """A quote in work; `sent` is the version that may be accepted, if any may."""

    quote: Known
    sent: int | None = None


class Problem(Struct, frozen=True):
    """Why an order was refused."""

    status: int
    code: str
    detail: str
    at: str
    pointers: tuple[str, ...] = ()


class Accepted(Struct, frozen=True, tag=True):
    """The customer accepted a version: its order is to be placed, or was `refused`."""

    quote: Known
    version: int
    at: str
    identifiers: tuple[Identifier, ...]
    refused: Problem | None = None


class Ordered(Struct, frozen=True, tag=True):
    """The order of what was accepted is placed, by that event."""

    quote: Known
    version: int
    accepted: str
    at: str
    source: str
    id: str
    position: str


class Declined(Struct, frozen=True, tag=True):
    quote: Known
    version: int
    reason: str


class Withdrawn(Struct, frozen=True, tag=True):
    quote: Known
    reason: str


class Expired(Struct, frozen=True, tag=True):
    """Nobody accepted a version until the end of its last day."""

    quote: Known
    version: int
    valid_until: str


Quote = Unwritten | Open | Accepted | Ordered | Declined | Withdrawn | Expired
