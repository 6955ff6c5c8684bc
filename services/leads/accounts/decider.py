"""An account: a table of its rules, and what it is after each event."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.accounts.commands import (
    AccountCommand,
    NameAccount,
    NoteAccount,
    PlacePerson,
    RemovePerson,
)
from services.leads.accounts.events import (
    ACCOUNT_EVENTS,
    AccountEvent,
    AccountNamed,
    AccountNoted,
    PersonLeft,
    PersonPlaced,
)
from services.leads.accounts.states import Account, AccountState, Person, Unkept
from services.leads.bounds import LONG
from services.leads.decider.checks import conflict, refusal, refuse, text
from shared.decider import Decider
from shared.errors import NotFound
from shared.ids import event_id

MOST_PEOPLE = 200
"""In one chart."""


def account_of(namespace: str, id: str) -> str:
    """What stands for an organisation, and its account, as membership.changed names it."""
    return event_id(f"organisation/{namespace}", id)


def stream_of(organisation: str) -> str:
    """The stream of the account of what stands for an organisation."""
    return event_id("account", organisation)


def decide(state: AccountState, command: AccountCommand) -> Sequence[AccountEvent]:
    match command:
        case NameAccount():
            return name(state, command)
        case PlacePerson():
            return place(known(state), command)
        case RemovePerson():
            return remove(known(state), command)
        case NoteAccount():
            return note(known(state), command)
        case _:
            assert_never(command)


def known(state: AccountState) -> Account:
    """An account that is kept. Raises NotFound."""
    if isinstance(state, Unkept):
        raise NotFound("There is no such account.", code="unknown_account")
    return state


def name(state: AccountState, command: NameAccount) -> Sequence[AccountEvent]:
    refuse(text(command.name, "/name"))
    if isinstance(state, Account) and state.name == command.name:
        return []
    return [AccountNamed(command.organisation, command.name, at=command.at)]


def place(account: Account, command: PlacePerson) -> Sequence[AccountEvent]:
    """Under somebody in the chart, and never under oneself, however far up."""
    refuse([*text(command.name, "/name"), *text(command.role, "/role")])
    wanted = Person(command.name, command.role, command.reports_to)
    if account.people.get(command.person) == wanted:
        return []
    if command.person not in account.people and len(account.people) >= MOST_PEOPLE:
        detail = f"A chart has at most {MOST_PEOPLE} people."
        raise conflict("/person", "too_many", detail)
    _above(account.people, command)
    placed = (command.person, command.name, command.role, command.reports_to)
    return [PersonPlaced(*placed, at=command.at)]


def _above(people: Mapping[str, Person], command: PlacePerson) -> None:
    """Raises where the chart would have a cycle, or its line to the top a gap."""
    above = command.reports_to
    if above is not None and above != command.person and above not in people:
        raise refusal("/reports_to", "unknown_person", f"{above} is not in this chart.")
    while above is not None:
        if above == command.person:
            detail = "Nobody reports to themselves, nor to one who reports to them."
            raise conflict("/reports_to", "cycle", detail)
        above = people[above].reports_to


def remove(account: Account, command: RemovePerson) -> Sequence[AccountEvent]:
    there = account.people.get(command.person)
    if there is None:
        return []
    return [PersonLeft(command.person, there.reports_to, at=command.at)]


def note(account: Account, command: NoteAccount) -> Sequence[AccountEvent]:
    refuse(text(command.text, "/text", LONG))
    return [AccountNoted(command.text, at=command.at)]


def evolve(state: AccountState, event: AccountEvent) -> AccountState:
    if isinstance(event, AccountNamed):
        if isinstance(state, Account):
            return replace(state, name=event.name)
        return Account(event.organisation, event.name)
    account = known(state)
    match event:
        case PersonPlaced():
            person = Person(event.name, event.role, event.reports_to)
            return replace(account, people={**account.people, event.person: person})
        case PersonLeft():
            return replace(account, people=_without(account.people, event))
        case AccountNoted():
            return account
        case _:
            assert_never(event)


def _without(people: Mapping[str, Person], left: PersonLeft) -> dict[str, Person]:
    return {
        who: replace(person, reports_to=left.heir) if person.reports_to == left.person else person
        for who, person in people.items()
        if who != left.person
    }


ACCOUNT: Decider[AccountState, AccountCommand, AccountEvent] = Decider(
    category="account",
    initial=Unkept(),
    decide=decide,
    evolve=evolve,
    events=ACCOUNT_EVENTS,
    states=AccountState,
)
