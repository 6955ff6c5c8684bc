"""What is said of an account, the organisation that we sell to: its people, and notes."""

from collections.abc import Mapping

from services.leads.events import Fact


class AccountNamed(Fact, frozen=True):
    """An organisation, by its subject, is kept as an account under a name."""

    organisation: str
    name: str


class PersonPlaced(Fact, frozen=True):
    """A person, by a subject, has a role in the organisation, perhaps under another one there."""

    person: str
    name: str
    role: str
    reports_to: str | None = None


class PersonLeft(Fact, frozen=True):
    """A person is not in the chart any more; those who reported to it report to `heir`."""

    person: str
    heir: str | None = None


class AccountNoted(Fact, frozen=True):
    """Somebody wrote something down about an account."""

    text: str


AccountEvent = AccountNamed | PersonPlaced | PersonLeft | AccountNoted

ACCOUNT_EVENTS: Mapping[str, type[AccountEvent]] = {
    "account.named": AccountNamed,
    "account.person_placed": PersonPlaced,
    "account.person_left": PersonLeft,
    "account.noted": AccountNoted,
}
