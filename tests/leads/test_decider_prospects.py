"""A prospect: kept, put off, due, barred, promoted, dropped, and what stands where."""

from typing import Any

import pytest

from services.leads.prospects.commands import (
    BarProspect,
    CallUp,
    DescribeProspect,
    DropProspect,
    NoticeLead,
    PromoteProspect,
    PutOffProspect,
    ReleaseProspect,
    UnlistProspect,
)
from services.leads.prospects.decider import PROSPECT
from services.leads.prospects.events import (
    ProspectBarred,
    ProspectDescribed,
    ProspectDropped,
    ProspectDue,
    ProspectListed,
    ProspectPromoted,
    ProspectPutOff,
    ProspectReleased,
    ProspectUnlisted,
)
from services.leads.prospects.states import Absent, Waiting
from shared.decider import Claim
from shared.messages import Identifier
from tests.leads.examples import JANE, ME, OTHER
from tests.leads.given import given
from tests.leads.prospecting import WHO, keep, kept
from tests.records import at, subject

BARRED = ProspectBarred(JANE, "Said no.", at=at(3))
PROMOTED = ProspectPromoted(ME, "sales", at=at(3))
DROPPED = ProspectDropped("moved", at=at(3))
LISTED = ProspectListed("spring", at=at(2))
ENDS = [(BARRED, "barred"), (PROMOTED, "promoted"), (DROPPED, "dropped")]

bar = BarProspect(subject=JANE, reason="Said no.", at=at(3))
promote = PromoteProspect(lead=ME, pipeline="sales", at=at(3))


def put_off(come_back: str | None, now: int = 5) -> PutOffProspect:
    return PutOffProspect(come_back=come_back, reason="later", at=at(now))


# --- keeping


def test_somebody_is_kept() -> None:
    given(PROSPECT).when(keep(fields={"seats": 2}, come_back=at(9))).then(
        kept(fields={"seats": 2}, come_back=at(9))
    )


def test_on_a_list() -> None:
    given(PROSPECT).when(keep(list="spring")).then(kept(), ProspectListed("spring", at=at(1)))
    given(PROSPECT, kept()).when(keep(list="spring")).then(ProspectListed("spring", at=at(1)))
    given(PROSPECT, kept(), LISTED).when(keep(list="spring")).then_nothing()


def test_kept_again_only_what_was_lacking_is_news() -> None:
    email = Identifier("email", "jane@x", "", subject("email:jane@x"))
    again = keep(
        name="Somebody else",
        organisation="Doe",
        identifiers=(*WHO, email),
        fields={"seats": 9, "floor": 1},
        at=at(4),
    )
    given(PROSPECT, kept(fields={"seats": 2})).when(again).then(
        ProspectDescribed(
            organisation="Doe", identifiers=(*WHO, email), fields={"floor": 1}, at=at(4)
        )
    )
    given(PROSPECT, kept()).when(keep()).then_nothing()


def test_kept_again_with_another_date_it_is_put_off() -> None:
    there = given(PROSPECT, kept(come_back=at(9)))
    there.when(keep(come_back=at(8))).then(ProspectPutOff(at(8), at=at(1)))
    there.when(keep()).then_nothing()


@pytest.mark.parametrize("end", [PROMOTED, DROPPED])
def test_who_was_promoted_or_dropped_waits_again_and_is_still_known(end: Any) -> None:
    again = keep(name="", identifiers=(), fields={"floor": 1}, at=at(7))
    given(PROSPECT, kept(fields={"seats": 2}), end).when(again).then(
        kept(fields={"seats": 2, "floor": 1}, at=at(7))
    )


def test_who_is_barred_stays_barred_whoever_brings_it() -> None:
    there = given(PROSPECT, kept(), BARRED)
    there.when(keep(list="spring", come_back=at(9), organisation="Doe")).then(
        ProspectDescribed(organisation="Doe", at=at(1)), ProspectListed("spring", at=at(1))
    )


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"source": " "}, "blank", "/source"),
        ({"name": "x" * 201}, "too_long", "/name"),
        ({"come_back": "soon"}, "moment", "/come_back"),
        ({"come_back": "2026-02-30T00:00:00.000000Z"}, "moment", "/come_back"),
        ({"fields": {"Not A Name": 1}}, "field_name", "/fields/Not A Name"),
        ({"list": "No Name"}, "name", "/list"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], code: str, pointer: str) -> None:
    given(PROSPECT).when(keep(**wrong)).refused(code, pointer)


def test_on_too_many_lists_it_comes_to_no_other() -> None:
    lists = [ProspectListed(f"list-{n}", at=at(2)) for n in range(100)]
    there = given(PROSPECT, kept(), *lists)
    there.when(keep(list="another")).refused("too_many_lists", "/list")
    there.when(keep(list="list-7")).then_nothing()


def test_only_what_differs_is_described() -> None:
    there = given(PROSPECT, kept(fields={"seats": 2, "floor": 1}))
    change = {"seats": 2, "floor": None, "gone": None}
    there.when(DescribeProspect(name="Jane Doe", fields=change, at=at(4))).then(
        ProspectDescribed(fields={"floor": None}, at=at(4))
    )
    there.when(DescribeProspect(fields={"seats": 2}, at=at(4))).then_nothing()
    there.when(DescribeProspect(name=None, at=at(4))).refused("required", "/name")  # type: ignore[arg-type]


def test_it_is_taken_off_a_list_once() -> None:
    off = UnlistProspect(list="spring", at=at(4))
    given(PROSPECT, kept(), LISTED).when(off).then(ProspectUnlisted("spring", at=at(4)))
    given(PROSPECT, kept()).when(off).then_nothing()


# --- dates


def test_it_is_put_off_to_a_moment_still_to_come() -> None:
    there = given(PROSPECT, kept(come_back=at(9)))
    there.when(put_off(at(20))).then(ProspectPutOff(at(20), "later", at=at(5)))
    there.when(put_off(None)).then(ProspectPutOff(None, "later", at=at(5)))
    there.when(put_off(at(9))).then_nothing()
    there.when(put_off(at(5))).refused("past", "/come_back")


def test_when_the_moment_comes_it_is_due_once() -> None:
    call = CallUp(due=at(9), at=at(10))
    given(PROSPECT, kept(come_back=at(9))).when(call).then(ProspectDue(at(9), at=at(10)))
    due = given(PROSPECT, kept(come_back=at(9)), ProspectDue(at(9), at=at(10)))
    due.when(call).then_nothing()
    due.when(put_off(at(20), now=11)).then(ProspectPutOff(at(20), "later", at=at(11)))


@pytest.mark.parametrize(
    "since",
    [ProspectPutOff(at(20), at=at(2)), ProspectPutOff(None, at=at(2)), BARRED, PROMOTED, DROPPED],
)
def test_who_waits_for_that_moment_no_more_is_not_due(since: Any) -> None:
    given(PROSPECT, kept(come_back=at(9)), since).when(CallUp(due=at(9), at=at(10))).then_nothing()


# --- not to be contacted


def test_anybody_may_be_barred_kept_or_not() -> None:
    given(PROSPECT).when(bar).then(BARRED)
    for events in ([], [PROMOTED], [DROPPED]):
        given(PROSPECT, kept(), *events).when(bar).then(BARRED)
    given(PROSPECT, kept(), BARRED).when(bar).then_nothing()


@pytest.mark.parametrize("command", [promote, put_off(at(20)), DropProspect(reason="x", at=at(4))])
def test_who_is_barred_is_neither_promoted_nor_put_off_nor_dropped(command: Any) -> None:
    given(PROSPECT, kept(), BARRED).when(command).refused("barred")


def test_released_it_waits_again_due_at_once_where_its_date_is_over() -> None:
    release = ReleaseProspect(reason="Said yes.", at=at(15))
    for planned, come_back in ((None, None), (at(20), at(20)), (at(9), at(15))):
        there = given(PROSPECT, kept(come_back=planned), BARRED)
        there.when(release).then(ProspectReleased("Said yes.", come_back, at=at(15)))
    given(PROSPECT, kept()).when(release).refused("not_barred")


def test_barred_while_due_it_is_due_again_once_it_is_released() -> None:
    events = (kept(come_back=at(9)), ProspectDue(at(9), at=at(10)), BARRED)
    released = ProspectReleased("Said yes.", at(15), at=at(15))
    given(PROSPECT, *events).when(ReleaseProspect(reason="Said yes.", at=at(15))).then(released)
    given(PROSPECT, *events, released).when(CallUp(due=at(15), at=at(16))).then(
        ProspectDue(at(15), at=at(16))
    )


# --- leads


def test_it_is_promoted_into_a_lead_once() -> None:
    given(PROSPECT, kept()).when(promote).then(PROMOTED)
    there = given(PROSPECT, kept(), PROMOTED)
    there.when(promote).then_nothing()
    there.when(PromoteProspect(lead=OTHER, pipeline="sales", at=at(4))).refused("promoted")


def test_a_lead_of_its_customer_is_noticed_by_who_waits_alone() -> None:
    notice = NoticeLead(lead=ME, pipeline="sales", at=at(3))
    given(PROSPECT, kept(come_back=at(9))).when(notice).then(PROMOTED)
    for events in ([], [kept(), BARRED], [kept(), PROMOTED], [kept(), DROPPED]):
        given(PROSPECT, *events).when(notice).then_nothing()


def test_promoted_it_waits_for_no_date() -> None:
    state = given(PROSPECT, kept(come_back=at(9)), PROMOTED).state
    assert (state.person.come_back, state.person.lead) == (None, ME)


def test_dropped_it_is_on_no_list_any_more() -> None:
    drop = DropProspect(reason="moved", at=at(3))
    given(PROSPECT, kept(), LISTED).when(drop).then(ProspectUnlisted("spring", at=at(3)), DROPPED)
    given(PROSPECT, kept(), DROPPED).when(drop).then_nothing()


@pytest.mark.parametrize(("end", "code"), [*ENDS])
def test_of_what_is_over_it_is_said_so(end: Any, code: str) -> None:
    given(PROSPECT, kept(), end).when(put_off(at(20))).refused(code)
    if code != "promoted":
        given(PROSPECT, kept(), end).when(promote).refused(code)


def test_of_whom_there_is_nothing_nothing_can_be_done() -> None:
    for command in (promote, put_off(at(20)), DropProspect(reason="x", at=at(4))):
        given(PROSPECT).when(command).refused("unknown_prospect")


def test_a_customer_is_one_prospect_until_it_is_dropped() -> None:
    claim = frozenset({Claim("prospect", JANE)})
    for events in ([kept()], [kept(), BARRED], [kept(), PROMOTED], [BARRED]):
        assert PROSPECT.claims(given(PROSPECT, *events).state) == claim
    assert PROSPECT.claims(given(PROSPECT, kept(), DROPPED).state) == frozenset()
    assert PROSPECT.claims(Absent()) == frozenset()


def test_barred_before_it_was_kept_it_may_be_released_and_kept() -> None:
    released = ProspectReleased("Said yes.", at=at(4))
    there = given(PROSPECT, BARRED, released)
    assert isinstance(there.state, Waiting)
    there.when(keep(at=at(5))).then(ProspectDescribed(name="Jane Doe", identifiers=WHO, at=at(5)))
