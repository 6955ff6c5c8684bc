"""Rules of accounts, of partners, and of reports of visits."""

from services.leads.accounts.commands import NameAccount, NoteAccount, PlacePerson, RemovePerson
from services.leads.accounts.decider import ACCOUNT, MOST_PEOPLE
from services.leads.accounts.events import AccountNamed, AccountNoted, PersonLeft, PersonPlaced
from services.leads.commands import ReportVisit
from services.leads.decider import LEAD
from services.leads.events import LeadVisited
from services.leads.partners.commands import PutPartner
from services.leads.partners.decider import PARTNER
from services.leads.partners.events import PartnerChanged, PartnerDefined, Release
from tests.leads.examples import JANE, JOHN, LOST, OTHER, captured
from tests.leads.given import given
from tests.records import at

ACME = AccountNamed("acme", "Acme", at=at(0))
ANN, BOB = (
    PersonPlaced(JANE, "Ann", "director", at=at(1)),
    PersonPlaced(JOHN, "Bob", "buyer", JANE, at=at(2)),
)


def test_an_account_begins_with_its_name_and_nothing_else_is_done_before() -> None:
    nothing = given(ACCOUNT)
    nothing.when(NameAccount(organisation="acme", name="Acme", at=at(0))).then(ACME)
    nothing.when(NoteAccount(text="x", at=at(1))).refused("unknown_account")
    nothing.when(RemovePerson(person=JANE, at=at(1))).refused("unknown_account")


def test_the_same_name_is_no_news() -> None:
    kept = given(ACCOUNT, ACME)
    kept.when(NameAccount(organisation="acme", name="Acme", at=at(1))).then_nothing()
    renamed = AccountNamed("acme", "Acme Ltd", at=at(1))
    kept.when(NameAccount(organisation="acme", name="Acme Ltd", at=at(1))).then(renamed)
    kept.when(NameAccount(organisation="acme", name=" ", at=at(1))).refused("blank", "/name")


def test_people_are_placed_under_those_who_are_there() -> None:
    kept = given(ACCOUNT, ACME, ANN)
    bob = PlacePerson(person=JOHN, name="Bob", role="buyer", reports_to=JANE, at=at(2))
    kept.when(bob).then(BOB)
    given(ACCOUNT, ACME, ANN, BOB).when(bob).then_nothing()
    given(ACCOUNT, ACME).when(bob).refused("unknown_person", "/reports_to")


def test_nobody_is_above_themselves() -> None:
    kept = given(ACCOUNT, ACME, ANN, BOB)
    for above in (JANE, JOHN):
        under = PlacePerson(person=JANE, name="Ann", role="director", reports_to=above, at=at(3))
        kept.when(under).refused("cycle", "/reports_to")


def test_a_chart_has_so_many_people_and_no_more() -> None:
    many = [PersonPlaced(str(n), "x", "y", at=at(1)) for n in range(MOST_PEOPLE)]
    full = given(ACCOUNT, ACME, *many)
    full.when(PlacePerson(person=JANE, name="A", role="b", at=at(2))).refused("too_many", "/person")
    moved = PlacePerson(person="1", name="A", role="b", at=at(2))
    full.when(moved).then(PersonPlaced("1", "A", "b", at=at(2)))


def test_who_reported_to_somebody_who_left_reports_to_whom_they_reported_to() -> None:
    cid = PersonPlaced(OTHER, "Cid", "clerk", JOHN, at=at(3))
    kept = given(ACCOUNT, ACME, ANN, BOB, cid)
    kept.when(RemovePerson(person=JOHN, at=at(4))).then(PersonLeft(JOHN, JANE, at=at(4)))
    kept.when(RemovePerson(person="nobody", at=at(4))).then_nothing()
    left = given(ACCOUNT, ACME, ANN, BOB, cid, PersonLeft(JOHN, JANE, at=at(4)))
    assert {who: each.reports_to for who, each in left.state.people.items()} == {
        JANE: None,
        OTHER: JANE,
    }


def test_a_note_says_something() -> None:
    kept = given(ACCOUNT, ACME)
    kept.when(NoteAccount(text="They move.", at=at(1))).then(AccountNoted("They move.", at=at(1)))
    kept.when(NoteAccount(text="\0", at=at(1))).refused("character", "/text")


SHOWN = Release(("phone",), ("company",), ("seats",), title=True)
DEFINED = PartnerDefined("partner:12", "Kettles", SHOWN, "gold", at=at(1))


def put(**changes: object) -> PutPartner:
    wanted = {"principal": "partner:12", "name": "Kettles", "release": SHOWN, "price_list": "gold"}
    return PutPartner(**(wanted | {"at": at(1)} | changes))  # type: ignore[arg-type]


def test_a_partner_begins_and_is_changed() -> None:
    given(PARTNER).when(put()).then(DEFINED)
    there = given(PARTNER, DEFINED)
    there.when(put()).then_nothing()
    less = PartnerChanged("Kettles", Release(), "gold", at=at(2))
    there.when(put(release=Release(), at=at(2))).then(less)
    ended = PartnerChanged("Kettles", SHOWN, "gold", active=False, at=at(2))
    there.when(put(active=False, at=at(2))).then(ended)


def test_a_partner_that_is_not_active_begins_so() -> None:
    ended = PartnerChanged("Kettles", SHOWN, "gold", active=False, at=at(1))
    given(PARTNER).when(put(active=False)).then(DEFINED, ended)


def test_only_a_partner_is_one_and_only_what_there_is_is_released() -> None:
    nobody = given(PARTNER)
    nobody.when(put(principal="representative:7")).refused("principal", "/principal")
    nobody.when(put(release=Release(("colour",)))).refused("kind", "/release/identifiers/0")
    nobody.when(put(release=Release(fields=("Not",)))).refused("field_name", "/release/fields/0")
    nobody.when(put(release=Release(traits=(" ",)))).refused("blank", "/release/traits/0")
    nobody.when(put(price_list="No Name")).refused("name", "/price_list")


def test_a_visit_is_reported_of_any_lead_that_is_there() -> None:
    command = ReportVisit(text="Saw them.", outcome="interested", next_step="call", at=at(9))
    visited = LeadVisited("Saw them.", "interested", None, "call", at=at(9))
    given(LEAD, captured()).when(command).then(visited)
    given(LEAD, captured(), LOST).when(command).then(visited)
    given(LEAD).when(command).refused("unknown_lead")
    silent = ReportVisit(text=" ", outcome="", place="\0", at=at(9))
    refused = given(LEAD, captured()).when(silent).refused("blank", "/text")
    assert [each.pointer for each in refused.errors] == ["/text", "/outcome", "/place"]
