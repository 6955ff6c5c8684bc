"""What is known of a partner."""

from msgspec import Struct

from services.leads.partners.events import Release


class Stranger(Struct, frozen=True, tag=True):
    """There is no such partner."""


class Partner(Struct, frozen=True, tag=True):
    """A partner by its principal; one that is not active is shown nothing."""

    principal: str
    name: str
    release: Release
    price_list: str | None = None
    active: bool = True


PartnerState = Stranger | Partner
