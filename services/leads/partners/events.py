"""What is decided of partners, who get leads and give them."""

from collections.abc import Mapping

from msgspec import Struct

from services.leads.events import Fact


class Release(Struct, frozen=True, omit_defaults=True):
    """Which data of customers a partner is shown, of the leads that it sees.

    `identifiers` by their kind, `traits` and `fields` by their name; the `title`, in which a
    customer's own words may stand; `notes`: notes, reports of visits, reasons in one's own words.
    """

    identifiers: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    title: bool = False
    notes: bool = False


class PartnerDefined(Fact, frozen=True):
    """Somebody, by the principal, is a partner: what it is called, shown, and pays by."""

    principal: str
    name: str
    release: Release
    price_list: str | None = None


class PartnerChanged(Fact, frozen=True):
    """What a partner is called, shown and pays by from now on; one not active is shown nothing."""

    name: str
    release: Release
    price_list: str | None = None
    active: bool = True


PartnerEvent = PartnerDefined | PartnerChanged

PARTNER_EVENTS: Mapping[str, type[PartnerEvent]] = {
    "partner.defined": PartnerDefined,
    "partner.changed": PartnerChanged,
}
