"""What may be asked of partners; `at` is when."""

from dataclasses import dataclass

from services.leads.partners.events import Release


@dataclass(frozen=True, kw_only=True)
class PutPartner:
    """There is such a partner, and this is what it is called, shown, and pays by."""

    principal: str
    name: str
    release: Release
    at: str
    price_list: str | None = None
    active: bool = True


PartnerCommand = PutPartner
