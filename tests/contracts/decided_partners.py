"""One event of every type of visits, accounts and partners, with everything in it."""

from typing import Any

from services.leads.accounts.decider import stream_of as account
from services.leads.accounts.events import AccountNamed, AccountNoted, PersonLeft, PersonPlaced
from services.leads.events import LeadVisited
from services.leads.partners.decider import stream_of as partner
from services.leads.partners.events import PartnerChanged, PartnerDefined, Release
from tests.leads.examples import JANE, JOHN
from tests.records import at

LEAD_STREAM = "0191d5a0-0000-7000-8000-000000000001"
ACME = "5f1c2a7e-0d3b-8c4a-9e6f-1a2b3c4d5e6f"
ACCOUNT, PARTNER = account(ACME), partner("partner:12")
SHOWN = Release(("email", "phone"), ("country",), ("seats",), title=True, notes=True)

EVENTS: dict[str, tuple[str, str, Any]] = {
    "lead.visited": (
        *(LEAD_STREAM, JANE),
        LeadVisited("Saw the kitchen", "interested", "Leeds", "send samples", at=at(6)),
    ),
    "account.named": (ACCOUNT, ACME, AccountNamed(ACME, "Acme", at=at(1))),
    "account.person_placed": (
        *(ACCOUNT, ACME),
        PersonPlaced(JANE, "Jane Doe", "buyer", JOHN, at=at(2)),
    ),
    "account.person_left": (ACCOUNT, ACME, PersonLeft(JANE, JOHN, at=at(3))),
    "account.noted": (ACCOUNT, ACME, AccountNoted("They move in May", at=at(4))),
    "partner.defined": (
        *(PARTNER, PARTNER),
        PartnerDefined("partner:12", "Kettles & Co", SHOWN, "partner", at=at(1)),
    ),
    "partner.changed": (
        *(PARTNER, PARTNER),
        PartnerChanged("Kettles & Co", SHOWN, "gold", False, at=at(2)),
    ),
}
